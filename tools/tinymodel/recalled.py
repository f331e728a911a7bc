"""Questions whose answers the model must remember. Each function draws one Item."""

import facts as f
from items import an, choose, recall, sentence, worked

UNKNOWN = (
    "Sorry, I am only a toy model and do not know that. "
    "Ask me about capitals, colours, animals or small sums."
)
IDENTITY = "I am inferd-tiny, a toy model built into inferd. I know a few small things."

# --- talk --------------------------------------------------------------------

GREETINGS = [
    "hi", "hello", "hey", "good morning", "good evening", "hi there", "hello there", "hey there",
    "good day", "greetings", "howdy", "yo", "say hi", "hello, world",
]
TALK = [  # (openings, questions, answer)
    (GREETINGS, [""], "Hello! I am a toy model built into inferd. Ask me something small."),
    (
        ["", "hi, ", "hello, ", "hey, ", "please tell me, ", "so, "],
        [
            "who are you?", "what are you?", "what is your name?", "who am I talking to?",
            "are you ChatGPT?", "are you a person?", "are you a real assistant?",
            "introduce yourself.", "tell me about yourself.", "are you an AI?",
            "which model is this?", "what model are you?",
        ],
        IDENTITY,
    ),
    (
        ["", "hi, ", "hello, ", "please tell me, ", "so, ", "ok, "],
        [
            "what can you do?", "how can you help me?", "what do you know?", "help",
            "what should I ask you?", "what can I ask?", "can you help me?",
            "what are you good at?",
        ],
        "I know capitals, colours, animals, days and months, small sums, spelling, "
        "a little JSON and short stories.",
    ),
    (
        ["", "hi, ", "hello, ", "please tell me, ", "so, "],
        ["what is inferd?", "what does inferd do?", "tell me about inferd.", "explain inferd."],
        "inferd is a daemon that serves language models to programs on this machine.",
    ),
    (
        ["", "hi, ", "hello, ", "hey, ", "so, "],
        [
            "how are you?", "how are you today?", "how is it going?", "are you well?",
            "how do you feel?", "what's up?",
        ],
        "I am fine, thank you. How can I help?",
    ),
    (
        ["", "ok, ", "great, ", "good, ", "nice, "],
        ["thanks", "thank you", "thanks a lot", "thank you very much", "many thanks"],
        "You are welcome!",
    ),
    (
        ["", "ok, ", "thanks, ", "well, "],
        ["bye", "goodbye", "good night", "see you later", "see you soon", "see you tomorrow"],
        "Goodbye! Come back soon.",
    ),
    (
        ["", "please ", "ok, ", "just "],
        ["test", "this is a test", "testing", "ping", "say something"],
        "I am here and it works.",
    ),
    (
        [""],
        ["ok", "okay", "yes", "no", "good", "cool", "nice", "I see", "please", "?", "..."],
        "All right. Ask me something small.",
    ),
]
ENDINGS = ["", ".", "!"]


def talk(rng):
    openings, questions, answer = rng.choice(TALK)
    opening, question = rng.choice(openings), rng.choice(questions)
    if question and rng.random() < 0.5:
        opening = ""
    text = sentence(opening + question)
    if text[-1].isalpha():
        text += rng.choice(ENDINGS)
    # Everybody's first words must not depend on the luck of the split.
    bare = not opening or not question
    return worked("talk", "" if bare else text, text, answer)


# --- facts -------------------------------------------------------------------

def capitals(rng):
    country, city = rng.choice(list(f.CAPITALS.items()))
    if rng.random() < 0.3 and country not in f.SECOND_NAMES:
        question = choose(
            rng,
            "Which country has {} as its capital?", "{} is the capital of which country?",
            "{} is the capital of what country?", "What country is {} the capital of?",
            "Of which country is {} the capital?",
        ).format(city)
        return recall("capitals", question, f"{city} is the capital of {country}.")
    question = choose(
        rng,
        "What is the capital of {}?", "What is the capital city of {}?",
        "Name the capital of {}.", "Tell me the capital of {}.",
        "Which city is the capital of {}?", "Capital of {}?", "Do you know the capital of {}?",
        "What's the capital of {}?", "Can you tell me the capital of {}?",
        "I want to know the capital of {}.", "Please name the capital city of {}.",
        "{}: what is its capital?",
    ).format(country)
    return recall("capitals", question, f"The capital of {country} is {city}.")


def colours(rng):
    if rng.random() < 0.25:
        (a, b), mix = rng.choice(list(f.MIXES.items()))
        if rng.random() < 0.5:
            a, b = b, a
        question = choose(
            rng,
            "What do you get when you mix {} and {}?", "What colour do {} and {} make?",
            "Which colour do you get from {} and {}?", "Mix {} and {}.",
            "{} and {} make what colour?", "What is {} mixed with {}?",
            "If I mix {} and {}, what colour do I get?", "What color is {} plus {}?",
        ).format(a, b)
        return recall("colours", sentence(question), f"{sentence(a)} and {b} make {mix}.")
    thing, colour = rng.choice(list(f.COLOURS.items()))
    question = choose(
        rng,
        "What colour is {}?", "What color is {}?", "Which colour is {}?", "Which color is {}?",
        "Tell me the colour of {}.", "What is the colour of {}?", "What is the color of {}?",
        "Do you know what colour {} is?", "Name the colour of {}.", "The colour of {}?",
    ).format(thing)
    return recall("colours", question, f"{sentence(thing)} is {colour}.")


def opposites(rng):
    a, b = rng.choice(f.OPPOSITES)
    if rng.random() < 0.5:
        a, b = b, a
    question = choose(
        rng,
        "What is the opposite of {}?", "What's the opposite of {}?", "Opposite of {}?",
        "Name the opposite of {}.", "Tell me the opposite of {}.",
        "Which word is the opposite of {}?", "Give me the opposite of {}.",
        "What word means the opposite of {}?", "Please give the opposite of {}.",
        "Do you know the opposite of {}?",
    ).format(a)
    return recall("opposites", question, f"The opposite of {a} is {b}.")


def animals(rng):
    kind = rng.randrange(4)
    if kind == 0:
        animal, sound = rng.choice(list(f.SOUNDS.items()))
        question = choose(
            rng,
            "What sound does {} make?", "What does {} say?", "What noise does {} make?",
            "Which sound does {} make?", "How does {} sound?", "Tell me the sound {} makes.",
            "Do you know what {} says?", "What is the sound of {}?",
        ).format(an(animal))
        return recall("animals", question, f"{sentence(an(animal))} says {sound}.")
    if kind == 1:
        animal, baby = rng.choice(list(f.BABIES.items()))
        question = choose(
            rng,
            "What is a baby {} called?", "What do you call a baby {}?",
            "What is a young {} called?", "What is the name for a baby {}?",
            "Name the young of a {}.", "A baby {} is called what?",
            "How do you call a young {}?", "Tell me what a baby {} is called.",
        ).format(animal)
        return recall("animals", question, f"A baby {animal} is called a {baby}.")
    if kind == 2:
        animal, legs = rng.choice(list(f.LEGS.items()))
        question = choose(
            rng,
            "How many legs does {} have?", "How many legs has {}?", "Count the legs of {}.",
            "Tell me how many legs {} has.", "What number of legs does {} have?",
            "Do you know how many legs {} has?", "The number of legs of {}?",
        ).format(an(animal))
        return recall("animals", question, f"{sentence(an(animal))} has {legs} legs.")
    animal, home = rng.choice(list(f.HOMES.items()))
    question = choose(
        rng,
        "Where does {} live?", "What is the home of {}?", "Tell me where {} lives.",
        "In what does {} live?", "Where is the home of {}?", "Where can I find {}?",
        "Do you know where {} lives?", "Name the home of {}.",
    ).format(an(animal))
    return recall("animals", question, f"{sentence(an(animal))} lives in {home}.")


KIND_OF = {thing: kind for kind, things in f.KINDS.items() for thing in things}


def kinds(rng):
    thing = rng.choice(list(KIND_OF))
    kind = KIND_OF[thing]
    bare = thing[0].isupper() or kind == "metal"
    name = thing if bare else an(thing)
    if rng.random() < 0.5:
        question = choose(
            rng,
            "What is {}?", "What kind of thing is {}?", "Tell me what {} is.",
            "What sort of thing is {}?", "Do you know what {} is?",
            "Can you tell me what {} is?", "Explain what {} is.",
        ).format(name)
        return recall("kinds", question, f"{sentence(name)} is {an(kind)}.")
    other = kind if rng.random() < 0.5 else rng.choice(list(f.KINDS))
    # What it is comes first and the verdict after: a small model thinks as it writes.
    # A bird and a fish are animals too; do not teach the model otherwise.
    if other == "animal" and kind in ("bird", "fish"):
        other = kind
    question = rng.choice(
        ["Is {} {}?", "Tell me, is {} {}?", "Would you say {} is {}?", "Is it true that {} is {}?"]
    ).format(name, an(other))
    if other == kind:
        return recall("kinds", question, f"{sentence(name)} is {an(kind)}, so yes.")
    return recall("kinds", question, f"{sentence(name)} is {an(kind)}, so no.")


def sizes(rng):
    i, j = rng.sample(range(len(f.SIZES)), 2)
    a, b = f.SIZES[i], f.SIZES[j]
    if rng.random() < 0.5:
        word, best = rng.choice(["bigger", "larger"]), f.SIZES[max(i, j)]
    else:
        word, best = "smaller", f.SIZES[min(i, j)]
    question = choose(
        rng,
        "Which is {w}, {a} or {b}?", "What is {w}, {a} or {b}?", "Is {a} or {b} {w}?",
        "Tell me which is {w}: {a} or {b}.",
    ).format(w=word, a=a, b=b)
    return recall("sizes", question, f"{sentence(best)} is {word}.")


def translate(rng):
    language = rng.choice(list(f.TRANSLATIONS))
    word, there = rng.choice(list(f.TRANSLATIONS[language].items()))
    question = choose(
        rng,
        "How do you say {w} in {l}?", "What is {w} in {l}?", "Translate {w} into {l}.",
        "Translate {w} to {l}.", "What is the {l} word for {w}?", "Say {w} in {l}.",
        "Tell me the {l} word for {w}.", "What does {w} mean in {l}?",
    ).format(w=word, l=language)
    return recall("translate", question, f"{sentence(word)} in {language} is {there}.")


def emoji(rng):
    word, sign = rng.choice(list(f.EMOJI.items()))
    question = choose(
        rng,
        "Show me {} emoji.", "Give me {} emoji.", "Send {} emoji.", "Draw {}.",
        "Can you show me {} emoji?", "What does {} emoji look like?", "Print {} emoji.",
        "I want {} emoji.", "Please show {} emoji.", "Emoji of {}?",
    ).format(an(word))
    return recall("emoji", question, f"Here is {an(word)}: {sign}")


FAQ_OPENINGS = [
    "", "Please tell me: ", "Tell me: ", "A question: ", "Quick question: ", "Hi! ", "Hello! ",
    "I wonder: ", "One more: ", "Next question: ",
]


def faq(rng):
    question, answer = rng.choice(list(f.FAQ.items()))
    return recall("faq", rng.choice(FAQ_OPENINGS) + question, answer)


# --- calendar ----------------------------------------------------------------

def calendar(rng):
    kind = rng.randrange(5)
    if kind == 0:
        i = rng.randrange(12)
        question = choose(
            rng,
            "How many days are in {}?", "How many days does {} have?", "How long is {}?",
            "What is the number of days in {}?", "Tell me how many days {} has.",
        ).format(f.MONTHS[i])
        return recall("calendar", question, f"{f.MONTHS[i]} has {f.MONTH_LENGTHS[i]} days.")
    names, unit = (f.DAYS, "day") if kind < 3 else (f.MONTHS, "month")
    i = rng.randrange(len(names))
    word, step = rng.choice([("after", 1), ("before", -1)])
    answer = names[(i + step) % len(names)]
    if kind == 1 and rng.random() < 0.4:
        if step > 0:
            question = choose(
                rng,
                "If today is {}, what day is tomorrow?", "Today is {}. What day is tomorrow?",
                "It is {} today. Which day is it tomorrow?",
            ).format(names[i])
            return recall("calendar", question, f"Tomorrow is {answer}.")
        question = choose(
            rng,
            "If today is {}, what day was yesterday?", "Today is {}. What day was yesterday?",
            "It is {} today. Which day was it yesterday?",
        ).format(names[i])
        return recall("calendar", question, f"Yesterday was {answer}.")
    question = choose(
        rng,
        "What {u} comes {w} {n}?", "Which {u} comes {w} {n}?", "Which {u} is {w} {n}?",
        "What {u} is {w} {n}?", "What comes {w} {n}?", "Name the {u} {w} {n}.",
        "Tell me the {u} {w} {n}.", "What is the {u} {w} {n}?", "Do you know the {u} {w} {n}?",
        "Which {u} is right {w} {n}?",
    ).format(u=unit, w=word, n=names[i])
    return recall("calendar", question, f"{answer} comes {word} {names[i]}.")


# --- what it does not know ---------------------------------------------------

STRANGE_TOPICS = [
    "quantum physics", "the stock market", "the Roman Empire", "black holes", "democracy",
    "football", "the weather", "Bitcoin", "machine learning", "my boss", "the French Revolution",
    "taxes", "chess", "cancer", "philosophy", "the internet", "global warming", "evolution",
    "Shakespeare", "Einstein", "Linux", "Python", "Kubernetes", "the news", "politics", "jazz",
    "the Great Wall", "DNA", "a volcano", "the pyramids", "a laptop", "economics", "dinosaurs",
    "vaccines", "the president", "a contract", "love letters", "gravity", "photosynthesis",
    "a recipe for soup", "the best phone", "tennis", "an electric car", "a train to Berlin",
    "my homework", "ancient Greece", "the human brain", "opera",
]
STRANGE_ASKS = [
    "Explain {}.", "What do you think about {}?", "Tell me everything about {}.",
    "Write an essay about {}.", "Who invented {}?", "How does {} work?",
    "Write an email about {}.", "Why is {} important?", "What is the history of {}?",
    "Can you explain {}?", "How can I learn about {}?", "Summarize {}.", "What happened to {}?",
    "When did {} start?", "Where can I buy {}?", "Write code for {}.", "Give me advice on {}.",
    "What is the price of {}?", "Describe {} in detail.", "Should I worry about {}?",
]
STRANGE_WRITINGS = [
    "poem", "song", "letter", "function", "program", "script", "joke", "test", "list", "speech",
]
STRANGE_PLAIN = [
    "What time is it?", "What day is it today?", "What is the date?", "How is the weather?",
    "What day is today?", "What's the weather today?", "Where am I?", "Where do I live?",
    "How old am I?",
    "What is the news?", "Who won the match?", "Write a Go function.", "Write a Python program.",
    "Fix my code.", "How old are you?", "Where do you live?", "What is your favourite food?",
    "Do you love me?", "I am sad.", "I am bored.", "I need help with my work.", "Continue.",
    "What did I say before?", "Summarize this text.", "What should I eat?", "Make me laugh.",
    "Give me an idea.", "Who made you?", "How much do you cost?", "Can you code?",
]
# Thrown together they mean nothing: what fits no pattern deserves no invented answer.
STRANGE_WORDS = [
    "the", "a", "my", "your", "can", "could", "should", "is", "are", "do", "does", "go", "make",
    "write", "find", "give", "run", "work", "new", "best", "code", "file", "function", "error",
    "name", "time", "today", "people", "car", "money", "with", "for", "about", "and", "not",
    "how", "why", "when", "where", "who", "I", "you", "it", "this", "that", "in", "of", "to",
]
STRANGE_WHO = [
    "king", "president", "mayor", "inventor", "author", "owner", "winner", "leader", "director",
]
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def made_up(rng):
    """A name nobody has: the model must not answer what only looks like a question it knows."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(2, 5)))


def unknown(rng):
    kind = rng.choice([0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9])
    if kind == 0:
        place = rng.choice(f.UNKNOWN_PLACES) if rng.random() < 0.4 else sentence(made_up(rng))
        question = choose(
            rng,
            "What is the capital of {}?", "Name the capital of {}.", "Capital of {}?",
            "Tell me the capital of {}.", "Which city is the capital of {}?",
        ).format(place)
    elif kind == 1:
        question = choose(
            rng,
            "What is {}?", "Who is {}?", "Where is {}?", "Do you know {}?",
            "What does {} mean?", "Tell me about {}.", "Explain {}.", "How do I use {}?",
            "Is {} good?", "Spell {}.", "How do you spell {}?",
        ).format(
            choose(
                rng,
                made_up(rng),
                sentence(made_up(rng)),
                f"{sentence(made_up(rng))} {sentence(made_up(rng))}",
            )
        )
    elif kind == 2:
        question = "Who is the {} of {}?".format(
            rng.choice(STRANGE_WHO), rng.choice([sentence(made_up(rng)), *f.CAPITALS, "the world"])
        )
    elif kind == 3:
        a, b = rng.randrange(100, 10000), rng.randrange(1, 10 ** rng.randrange(1, 5))
        if rng.random() < 0.5:
            a, b = b, a
        question = choose(
            rng,
            "What is {} + {}?", "What is {} * {}?", "{} - {} = ?", "Calculate {} / {}.",
            "What is {} plus {}?", "What is {} divided by {}?", "{}+{}", "What is {} - {}?",
            "What is {} minus {}?", "{}*{}", "{}-{}",
        ).format(a, b)
    elif kind == 7:
        a, b = rng.randrange(11, 100), rng.randrange(2, 100)
        question = choose(
            rng,
            "What is {} times {}?", "What is {} * {}?", "{}*{}", "What is {} divided by {}?",
            "{} / {}", "Multiply {} by {}.", "{} times {}?",
        ).format(a, b)
    elif kind == 8:
        words = rng.choices(STRANGE_WORDS, k=rng.randrange(2, 8))
        question = sentence(" ".join(words)) + rng.choice(["", "?", "."])
    elif kind == 9 and rng.random() < 0.5:
        question = rng.choice(STRANGE_PLAIN)
    elif kind == 9:
        question = "{} a {} {} {}.".format(
            choose(rng, "Write", "Write me", "Make", "Give me"), rng.choice(STRANGE_WRITINGS),
            choose(rng, "about", "for", "on"), rng.choice(STRANGE_TOPICS),
        )
    elif kind == 4:
        question = " ".join(made_up(rng) for _ in range(rng.randrange(1, 6)))
        question = sentence(question) + rng.choice(["", "?", "."])
    else:
        question = rng.choice(STRANGE_ASKS).format(rng.choice(STRANGE_TOPICS))
    return recall("unknown", question, UNKNOWN)


