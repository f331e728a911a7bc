"""Generates the training and held-out conversations.

Every category is a function that draws one Item from a random generator. An Item
belongs to the held-out set when a hash of its category and key says so, so the
split never depends on seeds or on the order of drawing: the trainer skips those
items, the evaluation asks nothing else. Where a category computes or copies, the
key is the operands without the wording, so a held-out sum is unseen in any
wording; where it recalls facts, the key is the wording with the fact in it.
"""

import hashlib
import random
from dataclasses import dataclass, field

import facts as f

HELD_OUT_PERCENT = 10
SAMPLE_LIMIT_CHARS = 900  # longest conversation built from several turns

UNKNOWN = ("Sorry, I am only a toy model and do not know that. "
           "Ask me about capitals, colours, animals, days, small sums or a story.")


@dataclass
class Item:
    """One question with its right answer."""

    category: str
    key: str
    messages: list  # [(role, text)], the last one from the user
    answer: str
    contains: list = field(default_factory=list)  # set: any answer holding all these is right
    short: str = ""  # the answer in one word, where there is one

    def held_out(self):
        digest = hashlib.sha256(f"{self.category}\n{self.key}".encode()).digest()
        return digest[0] * 100 < HELD_OUT_PERCENT * 256

    def is_right(self, got):
        got = got.strip()
        if self.contains:
            return all(part in got for part in self.contains)
        return got == self.answer


def recall(category, question, answer, short=""):
    return Item(category, question, [("user", question)], answer, short=short)


def worked(category, key, question, answer, short="", contains=()):
    return Item(category, key, [("user", question)], answer, list(contains), short)


def sentence(text):
    return text[0].upper() + text[1:]


def an(word):
    return ("an " if word[0].lower() in "aeiou" else "a ") + word


# --- talk -----------------------------------------------------------------

GREETINGS = ["hi", "hello", "hey", "good morning", "good evening", "hi there", "hello there",
             "hey there", "good day", "greetings", "howdy", "yo"]
TALK = [  # (openings, questions, answer)
    (GREETINGS, [""], "Hello! I am a toy model built into inferd. Ask me something small."),
    (["", "hi, ", "hello, ", "hey, ", "please tell me, ", "so, "],
     ["who are you?", "what are you?", "what is your name?", "who am I talking to?",
      "are you ChatGPT?", "are you a person?", "are you a real assistant?", "introduce yourself.",
      "tell me about yourself.", "are you an AI?", "which model is this?", "what model are you?"],
     "I am inferd-tiny, a toy model built into inferd. I know a few small things."),
    (["", "hi, ", "hello, ", "please tell me, ", "so, ", "ok, "],
     ["what can you do?", "how can you help me?", "what do you know?", "help",
      "what should I ask you?", "what can I ask?", "can you help me?", "what are you good at?"],
     "I know capitals, colours, animals, days and months, small sums, spelling, "
     "a little JSON and short stories."),
    (["", "hi, ", "hello, ", "please tell me, ", "so, "],
     ["what is inferd?", "what does inferd do?", "tell me about inferd.", "explain inferd."],
     "inferd is a daemon that serves language models to programs on this machine."),
    (["", "hi, ", "hello, ", "hey, ", "so, "],
     ["how are you?", "how are you today?", "how is it going?", "are you well?",
      "how do you feel?", "what's up?"],
     "I am fine, thank you. How can I help?"),
    (["", "ok, ", "great, ", "good, ", "nice, "],
     ["thanks", "thank you", "thanks a lot", "thank you very much", "many thanks"],
     "You are welcome!"),
    (["", "ok, ", "thanks, ", "well, "],
     ["bye", "goodbye", "good night", "see you later", "see you soon", "see you tomorrow"],
     "Goodbye! Come back soon."),
    (["", "please ", "ok, ", "just "], ["test", "this is a test", "testing", "ping", "say something"],
     "I am here and it works."),
]
ENDINGS = ["", ".", "!"]


def talk(rng):
    openings, questions, answer = rng.choice(TALK)
    text = rng.choice(openings) + rng.choice(questions)
    if text[-1].isalpha():
        text += rng.choice(ENDINGS)
    return recall("talk", sentence(text), answer)


# --- facts ----------------------------------------------------------------

def capitals(rng):
    country, city = rng.choice(list(f.CAPITALS.items()))
    if rng.random() < 0.3:
        question = rng.choice([
            "Which country has {} as its capital?", "{} is the capital of which country?",
            "{} is the capital of what country?", "What country is {} the capital of?",
            "Of which country is {} the capital?",
        ]).format(city)
        return recall("capitals", question, f"{city} is the capital of {country}.", country)
    question = rng.choice([
        "What is the capital of {}?", "What is the capital city of {}?", "Name the capital of {}.",
        "Tell me the capital of {}.", "Which city is the capital of {}?", "Capital of {}?",
        "Do you know the capital of {}?", "What's the capital of {}?",
        "Can you tell me the capital of {}?", "I want to know the capital of {}.",
        "Please name the capital city of {}.", "{}: what is its capital?",
    ]).format(country)
    return recall("capitals", question, f"The capital of {country} is {city}.", city)


def colours(rng):
    if rng.random() < 0.25:
        (a, b), mix = rng.choice(list(f.MIXES.items()))
        if rng.random() < 0.5:
            a, b = b, a
        question = rng.choice([
            "What do you get when you mix {} and {}?", "What colour do {} and {} make?",
            "Which colour do you get from {} and {}?", "Mix {} and {}.", "{} and {} make what colour?",
            "What is {} mixed with {}?", "If I mix {} and {}, what colour do I get?",
            "What color is {} plus {}?",
        ]).format(a, b)
        return recall("colours", sentence(question), f"{sentence(a)} and {b} make {mix}.", mix)
    thing, colour = rng.choice(list(f.COLOURS.items()))
    question = rng.choice([
        "What colour is {}?", "What color is {}?", "Which colour is {}?", "Which color is {}?",
        "Tell me the colour of {}.", "What is the colour of {}?", "What is the color of {}?",
        "Do you know what colour {} is?", "Name the colour of {}.", "The colour of {}?",
    ]).format(thing)
    return recall("colours", question, f"{sentence(thing)} is {colour}.", colour)


def opposites(rng):
    a, b = rng.choice(f.OPPOSITES)
    if rng.random() < 0.5:
        a, b = b, a
    question = rng.choice([
        "What is the opposite of {}?", "What's the opposite of {}?", "Opposite of {}?",
        "Name the opposite of {}.", "Tell me the opposite of {}.", "Which word is the opposite of {}?",
        "Give me the opposite of {}.", "What word means the opposite of {}?",
        "Please give the opposite of {}.", "Do you know the opposite of {}?",
    ]).format(a)
    return recall("opposites", question, f"The opposite of {a} is {b}.", b)


def animals(rng):
    kind = rng.randrange(4)
    if kind == 0:
        animal, sound = rng.choice(list(f.SOUNDS.items()))
        question = rng.choice([
            "What sound does {} make?", "What does {} say?", "What noise does {} make?",
            "Which sound does {} make?", "How does {} sound?", "Tell me the sound {} makes.",
            "Do you know what {} says?", "What is the sound of {}?",
        ]).format(an(animal))
        return recall("animals", question, f"{sentence(an(animal))} says {sound}.", sound)
    if kind == 1:
        animal, baby = rng.choice(list(f.BABIES.items()))
        question = rng.choice([
            "What is a baby {} called?", "What do you call a baby {}?", "What is a young {} called?",
            "What is the name for a baby {}?", "Name the young of a {}.", "A baby {} is called what?",
            "How do you call a young {}?", "Tell me what a baby {} is called.",
        ]).format(animal)
        return recall("animals", question, f"A baby {animal} is called a {baby}.", baby)
    if kind == 2:
        animal, legs = rng.choice(list(f.LEGS.items()))
        question = rng.choice([
            "How many legs does {} have?", "How many legs has {}?", "Count the legs of {}.",
            "Tell me how many legs {} has.", "What number of legs does {} have?",
            "Do you know how many legs {} has?", "The number of legs of {}?",
        ]).format(an(animal))
        return recall("animals", question, f"{sentence(an(animal))} has {legs} legs.", legs)
    animal, home = rng.choice(list(f.HOMES.items()))
    question = rng.choice([
        "Where does {} live?", "What is the home of {}?", "Tell me where {} lives.",
        "In what does {} live?", "Where is the home of {}?", "Where can I find {}?",
        "Do you know where {} lives?", "Name the home of {}.",
    ]).format(an(animal))
    return recall("animals", question, f"{sentence(an(animal))} lives in {home}.")


KIND_OF = {thing: kind for kind, things in f.KINDS.items() for thing in things}


def kinds(rng):
    thing = rng.choice(list(KIND_OF))
    kind = KIND_OF[thing]
    bare = thing[0].isupper() or kind == "metal"
    name = thing if bare else an(thing)
    if rng.random() < 0.5:
        question = rng.choice([
            "What is {}?", "What kind of thing is {}?", "Tell me what {} is.", "What sort of thing is {}?",
            "Do you know what {} is?", "Can you tell me what {} is?", "Explain what {} is.",
        ]).format(name)
        return recall("kinds", question, f"{sentence(name)} is {an(kind)}.", kind)
    other = kind if rng.random() < 0.5 else rng.choice(list(f.KINDS))
    # A bird and a fish are animals too; do not teach the model otherwise.
    if other == "animal" and kind in ("bird", "fish"):
        other = kind
    question = rng.choice(["Is {} {}?", "Tell me, is {} {}?", "Would you say {} is {}?",
                           "Is it true that {} is {}?"]).format(name, an(other))
    if other == kind:
        return recall("kinds", question, f"Yes, {name} is {an(kind)}.", "yes")
    return recall("kinds", question, f"No, {name} is {an(kind)}.", "no")


def sizes(rng):
    i, j = rng.sample(range(len(f.SIZES)), 2)
    a, b = f.SIZES[i], f.SIZES[j]
    if rng.random() < 0.5:
        word, best = rng.choice(["bigger", "larger"]), f.SIZES[max(i, j)]
    else:
        word, best = "smaller", f.SIZES[min(i, j)]
    question = rng.choice([
        "Which is {w}, {a} or {b}?", "What is {w}, {a} or {b}?", "Is {a} or {b} {w}?",
        "Tell me which is {w}: {a} or {b}.",
    ]).format(w=word, a=a, b=b)
    return recall("sizes", question, f"{sentence(best)} is {word}.")


def translate(rng):
    language = rng.choice(list(f.TRANSLATIONS))
    word, there = rng.choice(list(f.TRANSLATIONS[language].items()))
    question = rng.choice([
        "How do you say {w} in {l}?", "What is {w} in {l}?", "Translate {w} into {l}.",
        "Translate {w} to {l}.", "What is the {l} word for {w}?", "Say {w} in {l}.",
        "Tell me the {l} word for {w}.", "What does {w} mean in {l}?",
    ]).format(w=word, l=language)
    return recall("translate", question, f"{sentence(word)} in {language} is {there}.", there)


def emoji(rng):
    word, sign = rng.choice(list(f.EMOJI.items()))
    question = rng.choice([
        "Show me a {} emoji.", "Give me a {} emoji.", "Send a {} emoji.", "Draw a {}.",
        "Can you show me a {} emoji?", "What does the {} emoji look like?", "Print a {} emoji.",
        "I want a {} emoji.", "Please show a {} emoji.", "Emoji of a {}?",
    ]).format(word)
    return recall("emoji", question, f"Here is a {word}: {sign}", sign)


FAQ_OPENINGS = ["", "Please tell me: ", "Tell me: ", "A question: ", "Quick question: ", "Hi! ",
                "Hello! ", "I wonder: ", "One more: ", "Next question: "]


def faq(rng):
    question, answer = rng.choice(list(f.FAQ.items()))
    return recall("faq", rng.choice(FAQ_OPENINGS) + question, answer)


# --- calendar -------------------------------------------------------------

def calendar(rng):
    kind = rng.randrange(5)
    if kind == 0:
        i = rng.randrange(12)
        question = rng.choice([
            "How many days are in {}?", "How many days does {} have?", "How long is {}?",
            "What is the number of days in {}?", "Tell me how many days {} has.",
        ]).format(f.MONTHS[i])
        return recall("calendar", question, f"{f.MONTHS[i]} has {f.MONTH_LENGTHS[i]} days.")
    names, unit = (f.DAYS, "day") if kind < 3 else (f.MONTHS, "month")
    i = rng.randrange(len(names))
    word, step = rng.choice([("after", 1), ("before", -1)])
    answer = names[(i + step) % len(names)]
    if kind == 1 and rng.random() < 0.4:
        if step > 0:
            question = rng.choice(["If today is {}, what day is tomorrow?", "Today is {}. What day is tomorrow?",
                                   "It is {} today. Which day is it tomorrow?"]).format(names[i])
            return recall("calendar", question, f"Tomorrow is {answer}.", answer)
        question = rng.choice(["If today is {}, what day was yesterday?", "Today is {}. What day was yesterday?",
                               "It is {} today. Which day was it yesterday?"]).format(names[i])
        return recall("calendar", question, f"Yesterday was {answer}.", answer)
    question = rng.choice([
        "What {u} comes {w} {n}?", "Which {u} comes {w} {n}?", "Which {u} is {w} {n}?", "What {u} is {w} {n}?",
        "What comes {w} {n}?", "Name the {u} {w} {n}.", "Tell me the {u} {w} {n}.", "What is the {u} {w} {n}?",
        "Do you know the {u} {w} {n}?", "Which {u} is right {w} {n}?",
    ]).format(u=unit, w=word, n=names[i])
    return recall("calendar", question, f"{answer} comes {word} {names[i]}.", answer)


# --- numbers --------------------------------------------------------------

SUM_LIMIT = 100  # operands and results stay below


def sums(rng):
    a, b = rng.randrange(SUM_LIMIT), rng.randrange(SUM_LIMIT)
    if rng.random() < 0.3:
        a, b = rng.randrange(13), rng.randrange(13)  # what people try first
    if a + b >= SUM_LIMIT:
        a, b = SUM_LIMIT - 1 - a, SUM_LIMIT - 1 - b
    question = rng.choice([
        "What is {} + {}?", "What is {} plus {}?", "{} + {} = ?", "{}+{}", "What's {}+{}?", "Add {} and {}.",
        "Calculate {} + {}.", "How much is {} plus {}?", "What is the sum of {} and {}?", "{} plus {}?",
        "What is {}+{}?", "How much is {} + {}?",
    ]).format(a, b)
    return worked("sums", f"{a} {b}", question, f"{a} + {b} = {a + b}", str(a + b))


def differences(rng):
    a, b = rng.randrange(SUM_LIMIT), rng.randrange(SUM_LIMIT)
    if rng.random() < 0.3:
        a, b = rng.randrange(21), rng.randrange(13)
    a, b = max(a, b), min(a, b)
    question = rng.choice([
        "What is {} - {}?", "What is {} minus {}?", "{} - {} = ?", "{}-{}", "What's {}-{}?",
        "Calculate {} - {}.", "How much is {} minus {}?", "{} minus {}?", "What is {}-{}?",
        "Take {1} away from {0}.", "Subtract {1} from {0}.",
    ]).format(a, b)
    return worked("differences", f"{a} {b}", question, f"{a} - {b} = {a - b}", str(a - b))


def products(rng):
    a, b = rng.randrange(11), rng.randrange(11)
    question = rng.choice([
        "What is {} times {}?", "What is {} * {}?", "What is {} x {}?", "{} * {} = ?", "{}*{}", "{} times {}?",
        "Multiply {} by {}.", "How much is {} times {}?", "Calculate {} * {}.", "What's {} times {}?",
    ]).format(a, b)
    return recall("products", question, f"{a} * {b} = {a * b}", str(a * b))


def compare(rng):
    a, b = rng.sample(range(100), 2)
    word, best = rng.choice([("larger", max(a, b)), ("bigger", max(a, b)), ("smaller", min(a, b))])
    question = rng.choice([
        "Which is {w}, {a} or {b}?", "Which number is {w}, {a} or {b}?", "What is {w}, {a} or {b}?",
        "Tell me which is {w}: {a} or {b}.",
    ]).format(w=word, a=a, b=b)
    return worked("compare", f"{a} {b}", question, f"{best} is {word}.", str(best))


def parity(rng):
    n = rng.randrange(200)
    question = rng.choice([
        "Is {} even or odd?", "Is {} odd or even?", "Is the number {} even or odd?", "{}: even or odd?",
        "Tell me if {} is even or odd.", "Even or odd: {}?",
    ]).format(n)
    word = "odd" if n % 2 else "even"
    return worked("parity", str(n), question, f"{n} is {word}.", word)


def counting(rng):
    kind = rng.randrange(4)
    if kind == 0:
        n = rng.randrange(100)
        word, step = rng.choice([("after", 1), ("before", -1)])
        n = max(n, 1)
        question = rng.choice([
            "What number comes {} {}?", "Which number comes {} {}?", "What comes {} {}?",
            "Name the number {} {}.", "What is the number {} {}?",
        ]).format(word, n)
        return worked("counting", f"{word} {n}", question, f"{n + step} comes {word} {n}.", str(n + step))
    if kind == 1:
        n = rng.randrange(2, 21)
        question = rng.choice(["Count to {}.", "Count up to {}.", "Please count to {}.", "Can you count to {}?",
                               "Count from 1 to {}.", "Count from one to {}."]).format(n)
        return recall("counting", question, ", ".join(map(str, range(1, n + 1))) + ".")
    first = rng.randrange(31)
    last = first + rng.randrange(2, 11)
    if kind == 2:
        question = rng.choice(["Count from {} to {}.", "Please count from {} to {}.", "Count up from {} to {}.",
                               "List the numbers from {} to {}."]).format(first, last)
        return worked("counting", f"{first} {last}", question, ", ".join(map(str, range(first, last + 1))) + ".")
    question = rng.choice(["Count down from {} to {}.", "Count backwards from {} to {}.",
                           "Please count down from {} to {}."]).format(last, first)
    return worked("counting", f"{last} {first}", question,
                  ", ".join(map(str, range(last, first - 1, -1))) + ".")


# --- letters --------------------------------------------------------------

def spelling(rng):
    kind = rng.randrange(4)
    word = rng.choice(f.SPELLING)
    if kind == 0:
        question = rng.choice([
            "Spell {}.", "How do you spell {}?", "Spell the word {}.", "Please spell {}.", "Can you spell {}?",
            "Tell me how to spell {}.", "How is {} spelled?", "How is the word {} spelled?",
        ]).format(word)
        return recall("spelling", question, f"{sentence(word)} is spelled {'-'.join(word)}.")
    if kind == 1:
        place, letter = rng.choice([("first", word[0]), ("last", word[-1])])
        question = rng.choice([
            "What is the {} letter of {}?", "Which letter is the {} letter of {}?", "Name the {} letter of {}.",
            "Tell me the {} letter of {}.", "What is the {} letter in {}?", "The {} letter of {}?",
        ]).format(place, word)
        return recall("spelling", question, f"The {place} letter of {word} is {letter}.", letter)
    if kind == 2:
        question = rng.choice([
            "How many letters are in {}?", "How many letters does {} have?", "How long is the word {}?",
            "Count the letters in {}.", "How many letters has {}?", "Tell me how many letters are in {}.",
        ]).format(word)
        return recall("spelling", question, f"The word {word} has {len(word)} letters.")
    one, many = rng.choice(list(f.PLURALS.items()))
    question = rng.choice([
        "What is the plural of {}?", "Plural of {}?", "Give me the plural of {}.", "What's the plural of {}?",
        "Tell me the plural of {}.", "Name the plural of {}.", "Which word is the plural of {}?",
    ]).format(one)
    return recall("spelling", question, f"The plural of {one} is {many}.", many)


def repeat(rng):
    words = [rng.choice(f.COPY_WORDS) for _ in range(rng.randrange(1, 6))]
    text = " ".join(words)
    question = rng.choice([
        "Repeat: {}", "Repeat after me: {}", "Say this: {}", "Please repeat: {}", "Echo: {}",
        "Repeat these words: {}", "Copy this text: {}", "Write this: {}",
    ]).format(text)
    return worked("repeat", text, question, text)


# --- JSON -----------------------------------------------------------------

def json_answers(rng):
    kind = rng.randrange(4)
    name, age = rng.choice(f.PEOPLE), rng.randrange(1, 100)
    if kind == 0:
        question = rng.choice([
            "{n} is {a} years old. Answer in JSON with name and age.",
            "Give name and age as JSON: {n} is {a} years old.",
            "Reply with JSON, keys name and age: {n} is {a}.",
            "Extract name and age as JSON: {n}, {a} years old.",
            "Turn this into JSON with the keys name and age: {n} is {a} years old.",
            "Return a JSON object with name and age. {n} is {a} years old.",
        ]).format(n=name, a=age)
        return worked("json", f"{name} {age}", question, f'{{"name": "{name}", "age": {age}}}')
    if kind == 1:
        job = rng.choice(f.JOBS)
        question = rng.choice([
            "{n} is {j}. Answer in JSON with name and job.",
            "Give name and job as JSON: {n} works as {j}.",
            "Reply with JSON, keys name and job: {n} is {j}.",
            "Extract name and job as JSON: {n} is {j}.",
            "Turn this into JSON with the keys name and job: {n} is {j}.",
        ]).format(n=name, j=an(job))
        return worked("json", f"{name} {job}", question, f'{{"name": "{name}", "job": "{job}"}}')
    if kind == 2:
        country, city = rng.choice(list(f.CAPITALS.items()))
        question = rng.choice([
            "Give the capital of {c} as JSON.", "What is the capital of {c}? Answer in JSON.",
            "Reply with JSON, keys country and capital: {c}.",
            "Return a JSON object with country and capital for {c}.",
            "Answer in JSON with country and capital: what is the capital of {c}?",
        ]).format(c=country)
        return recall("json", question, f'{{"country": "{country}", "capital": "{city}"}}')
    items = rng.sample(f.COPY_WORDS, rng.randrange(2, 5))
    question = rng.choice([
        "Make a JSON list of {}.", "Write these as a JSON list: {}.", "Return a JSON array of {}.",
        "Turn this into a JSON list: {}.",
    ]).format(", ".join(items))
    return worked("json", " ".join(items), question, "[" + ", ".join(f'"{w}"' for w in items) + "]")


# --- stories --------------------------------------------------------------

FEELINGS = ["happy", "tired", "hungry", "brave", "shy", "curious"]
WEATHER = ["It was a sunny day.", "It was a windy day.", "It was raining.", "The stars were out.",
           "Snow was falling.", "It was very warm."]
ENDS = ["They became friends and went home together.", "They laughed and shared a meal.",
        "They danced until the morning.", "They sang a song and fell asleep."]


def story_text(rng, hero, place):
    name, wish = f.HEROES[hero]
    met = f.PLACES[place]
    return (f"Once upon a time there was {an(hero)} called {name}. {name} lived {place} and was very "
            f"{rng.choice(FEELINGS)}. {rng.choice(WEATHER)} {name} looked for {wish}. "
            f"Then {name} met {met}. {sentence(met)} helped {name} find {wish}. "
            f"{rng.choice(ENDS)} The end.")


def stories(rng):
    hero, place = rng.choice(list(f.HEROES)), rng.choice(list(f.PLACES))
    kind = rng.randrange(4)
    if kind == 0:
        question = rng.choice(["Tell me a story.", "Write a story.", "Tell me a short story.", "I want a story.",
                               "Please tell me a story.", "Can you tell me a story?", "Write a short story."])
        # The hero is left to chance, and the plot must fit it whoever it is.
        return worked("stories", question, question, story_text(rng, hero, place),
                      contains=["Once upon a time there was", "The end."])
    about = rng.choice([
        "Tell me a story about {}", "Write a story about {}", "Tell me a short story about {}",
        "Write a short story about {}", "Please tell me a story about {}", "I want a story about {}",
        "Can you tell me a story about {}", "Make up a story about {}",
    ]).format(an(hero))
    end = "?" if about.startswith("Can") else "."
    name, wish = f.HEROES[hero]
    if kind == 1:
        return worked("stories", about, about + end, story_text(rng, hero, place),
                      contains=[f"Once upon a time there was {an(hero)} called {name}.", wish, "The end."])
    return worked("stories", f"{hero} {place}", f"{about} {place}{end}", story_text(rng, hero, place),
                  contains=[f"there was {an(hero)} called {name}.", f"lived {place}", wish, f.PLACES[place],
                            "The end."])


# --- what it does not know --------------------------------------------------

STRANGE_TOPICS = [
    "quantum physics", "the stock market", "the Roman Empire", "black holes", "democracy", "football",
    "the weather", "Bitcoin", "machine learning", "my boss", "the French Revolution", "taxes", "chess",
    "cancer", "philosophy", "the internet", "global warming", "evolution", "Shakespeare", "Einstein",
    "Linux", "Python", "Kubernetes", "the news", "politics", "jazz", "the Great Wall", "DNA", "a volcano",
    "the pyramids", "a laptop", "economics", "dinosaurs", "vaccines", "the president", "a contract",
    "love letters", "gravity", "photosynthesis", "a recipe for soup", "the best phone", "tennis",
    "an electric car", "a train to Berlin", "my homework", "ancient Greece", "the human brain", "opera",
]
STRANGE_ASKS = [
    "Explain {}.", "What do you think about {}?", "Tell me everything about {}.", "Write an essay about {}.",
    "Who invented {}?", "How does {} work?", "Write an email about {}.", "Why is {} important?",
    "What is the history of {}?", "Can you explain {}?", "How can I learn about {}?", "Summarize {}.",
    "What happened to {}?", "When did {} start?", "Where can I buy {}?", "Write code for {}.",
    "Give me advice on {}.", "What is the price of {}?", "Describe {} in detail.", "Should I worry about {}?",
]
STRANGE_WHO = ["king", "president", "mayor", "inventor", "author", "owner", "winner", "leader", "director"]
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def made_up(rng):
    """A name nobody has: the model must not answer what only looks like a question it knows."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(2, 5)))


def unknown(rng):
    kind = rng.randrange(7)
    if kind == 0:
        place = rng.choice(f.UNKNOWN_PLACES) if rng.random() < 0.4 else sentence(made_up(rng))
        question = rng.choice(["What is the capital of {}?", "Name the capital of {}.", "Capital of {}?",
                               "Tell me the capital of {}.", "Which city is the capital of {}?"]).format(place)
    elif kind == 1:
        question = rng.choice(["What is {}?", "Who is {}?", "Where is {}?", "Do you know {}?", "What does {} mean?",
                               "Tell me about {}.", "Explain {}.", "How do I use {}?", "Is {} good?"]).format(
            rng.choice([made_up(rng), sentence(made_up(rng)), f"{sentence(made_up(rng))} {sentence(made_up(rng))}"]))
    elif kind == 2:
        question = "Who is the {} of {}?".format(
            rng.choice(STRANGE_WHO), rng.choice([sentence(made_up(rng)), *f.CAPITALS, "the world"]))
    elif kind == 3:
        a, b = rng.randrange(100, 10000), rng.randrange(2, 10000)
        question = rng.choice(["What is {} + {}?", "What is {} * {}?", "{} - {} = ?", "Calculate {} / {}.",
                               "What is {} plus {}?", "What is {} divided by {}?", "{}+{}"]).format(a, b)
    elif kind == 4:
        question = " ".join(made_up(rng) for _ in range(rng.randrange(1, 6)))
        question = sentence(question) + rng.choice(["", "?", "."])
    else:
        question = rng.choice(STRANGE_ASKS).format(rng.choice(STRANGE_TOPICS))
    return recall("unknown", question, UNKNOWN)


# --- conversations ----------------------------------------------------------

def memory(rng):
    """The answer lies in an earlier turn."""
    kind = rng.randrange(3)
    if kind == 0:
        name = rng.choice(f.PEOPLE)
        told = rng.choice(["My name is {}.", "I am {}.", "Hi, I am {}.", "Hello, my name is {}.", "Call me {}."])
        ask = rng.choice(["What is my name?", "Who am I?", "Do you know my name?", "What's my name?",
                          "Tell me my name."])
        return Item("memory", f"{name} {told} {ask}",
                    [("user", told.format(name)), ("assistant", f"Nice to meet you, {name}."), ("user", ask)],
                    f"Your name is {name}.", short=name)
    if kind == 1:
        thing = rng.choice(["colour", "animal", "number"])
        value = rng.choice({"colour": sorted(set(f.COLOURS.values())), "animal": f.KINDS["animal"],
                            "number": [str(n) for n in range(1, 100)]}[thing])
        ask = rng.choice(["What is my favourite {}?", "Which is my favourite {}?", "Do you know my favourite {}?"])
        return Item("memory", f"{thing} {value} {ask}",
                    [("user", f"My favourite {thing} is {value}."), ("assistant", "I will remember that."),
                     ("user", ask.format(thing))],
                    f"Your favourite {thing} is {value}.", short=value)
    a, b = rng.sample(list(f.CAPITALS), 2)
    ask = rng.choice(["And of {}?", "And {}?", "What about {}?", "And the capital of {}?", "How about {}?"])
    return Item("memory", f"{a} {b}",
                [("user", f"What is the capital of {a}?"),
                 ("assistant", f"The capital of {a} is {f.CAPITALS[a]}."), ("user", ask.format(b))],
                f"The capital of {b} is {f.CAPITALS[b]}.", short=f.CAPITALS[b])


CATEGORIES = {  # category -> (draw, share of the training text)
    "talk": (talk, 5), "capitals": (capitals, 8), "colours": (colours, 5), "opposites": (opposites, 5),
    "animals": (animals, 6), "kinds": (kinds, 5), "sizes": (sizes, 4), "translate": (translate, 4),
    "emoji": (emoji, 2), "faq": (faq, 3), "calendar": (calendar, 5), "sums": (sums, 12),
    "differences": (differences, 10), "products": (products, 5), "compare": (compare, 4),
    "parity": (parity, 2), "counting": (counting, 5), "spelling": (spelling, 6), "repeat": (repeat, 4),
    "json": (json_answers, 6), "stories": (stories, 4), "unknown": (unknown, 6), "memory": (memory, 5),
}
# Categories whose questions mean the same without capitals and punctuation.
CASELESS = {"talk", "capitals", "colours", "opposites", "animals", "kinds", "sizes", "translate", "emoji",
            "calendar", "sums", "differences", "products", "compare", "parity", "stories", "unknown", "faq"}

SYSTEM_PROMPTS = [
    "You are a helpful assistant.", "You are inferd-tiny, a small friendly model.", "Be kind and brief.",
    "You are a helpful, honest assistant. Answer the questions of the user.", "Answer in English.",
    "You answer simple questions.", "You are a friendly teacher for children.",
]
ONE_WORD_PROMPTS = ["Answer in one word.", "Answer with one word only.", "Reply with a single word."]


def restyle(rng, item):
    """Rewrites the last question the way people type: no capitals, no full stop."""
    if item.category not in CASELESS or rng.random() < 0.6:
        return
    role, text = item.messages[-1]
    if rng.random() < 0.7:
        text = text.lower()
    if len(text) > 3 and rng.random() < 0.6:
        text = text.rstrip(".?!")
    item.messages[-1] = (role, text)


def add_system(rng, item):
    if item.short and rng.random() < 0.12:
        item.messages.insert(0, ("system", rng.choice(ONE_WORD_PROMPTS)))
        item.answer, item.contains = item.short, []
    elif rng.random() < 0.2:
        item.messages.insert(0, ("system", rng.choice(SYSTEM_PROMPTS)))


def draw(rng, held_out, category=None):
    """One styled item of the wanted side of the split."""
    names = list(CATEGORIES)
    while True:
        name = category or rng.choices(names, [CATEGORIES[n][1] for n in names])[0]
        item = CATEGORIES[name][0](rng)
        if item.held_out() == held_out:
            restyle(rng, item)
            return item


def conversation(rng):
    """One training conversation: [(role, text)], answers included, often of several turns."""
    turns = 1 if rng.random() < 0.65 else rng.randrange(2, 7)
    messages = []
    for _ in range(turns):
        item = draw(rng, held_out=False)
        if not messages:
            add_system(rng, item)
            one_word = item.messages[0][1] in ONE_WORD_PROMPTS
        elif one_word:
            if not item.short:
                continue
            item.answer = item.short
        messages += item.messages + [("assistant", item.answer)]
        if sum(len(text) for _, text in messages) > SAMPLE_LIMIT_CHARS:
            break
    return messages


def held_out_items(seed, per_category):
    """Distinct held-out items, the same for one seed."""
    items = []
    for name in CATEGORIES:
        rng = random.Random(f"{seed} {name}")
        seen = set()
        for _ in range(200 * per_category):  # small categories run out of distinct questions
            if len(seen) == per_category:
                break
            item = draw(rng, True, name)
            add_system(rng, item)
            question = repr(item.messages)
            if question not in seen:
                seen.add(question)
                items.append(item)
    return items
