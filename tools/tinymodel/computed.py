"""Questions whose answers the model must compute, copy or compose. Each function draws one Item."""

import facts as f
from items import Item, an, choose, recall, sentence, worked
from recalled import IDENTITY

# --- numbers -----------------------------------------------------------------

SUM_LIMIT = 100  # operands and results stay below


def sums(rng):
    a, b = rng.randrange(SUM_LIMIT), rng.randrange(SUM_LIMIT)
    if rng.random() < 0.3:
        a, b = rng.randrange(13), rng.randrange(13)  # what people try first
    if a + b >= SUM_LIMIT:
        a, b = SUM_LIMIT - 1 - a, SUM_LIMIT - 1 - b
    question = choose(
        rng,
        "What is {} + {}?", "What is {} plus {}?", "{} + {} = ?", "{}+{}", "What's {}+{}?",
        "Add {} and {}.", "Calculate {} + {}.", "How much is {} plus {}?",
        "What is the sum of {} and {}?", "{} plus {}?", "What is {}+{}?",
        "How much is {} + {}?",
    ).format(a, b)
    return worked("sums", f"{min(a, b)} {max(a, b)}", question, f"{a} + {b} = {a + b}")


def differences(rng):
    a, b = rng.randrange(SUM_LIMIT), rng.randrange(SUM_LIMIT)
    if rng.random() < 0.3:
        a, b = rng.randrange(21), rng.randrange(13)
    a, b = max(a, b), min(a, b)
    question = choose(
        rng,
        "What is {} - {}?", "What is {} minus {}?", "{} - {} = ?", "{}-{}", "What's {}-{}?",
        "Calculate {} - {}.", "How much is {} minus {}?", "{} minus {}?", "What is {}-{}?",
        "Take {1} away from {0}.", "Subtract {1} from {0}.",
    ).format(a, b)
    return worked("differences", f"{a} {b}", question, f"{a} - {b} = {a - b}")


def products(rng):
    a, b = rng.randrange(11), rng.randrange(11)
    question = choose(
        rng,
        "What is {} times {}?", "What is {} * {}?", "What is {} x {}?", "{} * {} = ?", "{}*{}",
        "{} times {}?", "Multiply {} by {}.", "How much is {} times {}?", "Calculate {} * {}.",
        "What's {} times {}?",
    ).format(a, b)
    return recall("products", question, f"{a} * {b} = {a * b}")


def compare(rng):
    a, b = rng.sample(range(100), 2)
    word, best = rng.choice([("larger", max(a, b)), ("bigger", max(a, b)), ("smaller", min(a, b))])
    question = choose(
        rng,
        "Which is {w}, {a} or {b}?", "Which number is {w}, {a} or {b}?",
        "What is {w}, {a} or {b}?", "Tell me which is {w}: {a} or {b}.",
    ).format(w=word, a=a, b=b)
    return worked("compare", f"{min(a, b)} {max(a, b)}", question, f"{best} is {word}.")


def parity(rng):
    n = rng.randrange(1, 100)
    question = choose(
        rng,
        "Is {} even or odd?", "Is {} odd or even?", "Is the number {} even or odd?",
        "{}: even or odd?", "Tell me if {} is even or odd.", "Even or odd: {}?",
    ).format(n)
    word = "odd" if n % 2 else "even"
    return worked("parity", str(n), question, f"{n} is {word}.")


def counting(rng):
    kind = rng.randrange(4)
    if kind == 0:
        n = rng.randrange(100)
        word, step = rng.choice([("after", 1), ("before", -1)])
        n = max(n, 1)
        question = choose(
            rng,
            "What number comes {} {}?", "Which number comes {} {}?", "What comes {} {}?",
            "Name the number {} {}.", "What is the number {} {}?",
        ).format(word, n)
        return worked("counting", f"{word} {n}", question, f"{n + step} comes {word} {n}.")
    if kind == 1:
        n = rng.randrange(2, 21)
        question = choose(
            rng,
            "Count to {}.", "Count up to {}.", "Please count to {}.", "Can you count to {}?",
            "Count from 1 to {}.", "Count from one to {}.",
        ).format(n)
        return recall("counting", question, ", ".join(map(str, range(1, n + 1))) + ".")
    first = rng.randrange(31)
    last = first + rng.randrange(2, 11)
    if kind == 2:
        question = choose(
            rng,
            "Count from {} to {}.", "Please count from {} to {}.", "Count up from {} to {}.",
            "List the numbers from {} to {}.",
        ).format(first, last)
        return worked(
            "counting", f"{first} {last}",
            question,
            ", ".join(map(str, range(first, last + 1))) + ".",
        )
    question = choose(
        rng,
        "Count down from {} to {}.", "Count backwards from {} to {}.",
        "Please count down from {} to {}.",
    ).format(last, first)
    return worked(
        "counting", f"{last} {first}",
        question,
        ", ".join(map(str, range(last, first - 1, -1))) + ".",
    )


# --- letters -----------------------------------------------------------------

def spelling(rng):
    kind = rng.randrange(4)
    word = rng.choice(f.SPELLING)
    if kind == 0:
        question = choose(
            rng,
            "Spell {}.", "How do you spell {}?", "Spell the word {}.", "Please spell {}.",
            "Can you spell {}?", "Tell me how to spell {}.", "How is {} spelled?",
            "How is the word {} spelled?",
        ).format(word)
        return recall("spelling", question, f"{sentence(word)} is spelled {'-'.join(word)}.")
    if kind == 1:
        place, letter = rng.choice([("first", word[0]), ("last", word[-1])])
        question = choose(
            rng,
            "What is the {} letter of {}?", "Which letter is the {} letter of {}?",
            "Name the {} letter of {}.", "Tell me the {} letter of {}.",
            "What is the {} letter in {}?", "The {} letter of {}?",
        ).format(place, word)
        return recall("spelling", question, f"The {place} letter of {word} is {letter}.")
    if kind == 2:
        question = choose(
            rng,
            "How many letters are in {}?", "How many letters does {} have?",
            "How long is the word {}?", "Count the letters in {}.", "How many letters has {}?",
            "Tell me how many letters are in {}.",
        ).format(word)
        return recall("spelling", question, f"The word {word} has {len(word)} letters.")
    one, many = rng.choice(list(f.PLURALS.items()))
    question = choose(
        rng,
        "What is the plural of {}?", "Plural of {}?", "Give me the plural of {}.",
        "What's the plural of {}?", "Tell me the plural of {}.", "Name the plural of {}.",
        "Which word is the plural of {}?",
    ).format(one)
    return recall("spelling", question, f"The plural of {one} is {many}.")


def repeat(rng):
    words = [rng.choice(f.COPY_WORDS) for _ in range(rng.randrange(1, 6))]
    text = " ".join(words)
    question = choose(
        rng,
        "Repeat: {}", "Repeat after me: {}", "Say this: {}", "Please repeat: {}", "Echo: {}",
        "Repeat these words: {}", "Copy this text: {}", "Write this: {}",
        "Say {}", "Say: {}", "Reply with: {}", "Reply with the words: {}",
        "Reply with exactly: {}",
    ).format(text)
    return worked("repeat", text, question, text)


# --- JSON --------------------------------------------------------------------

def json_answers(rng):
    kind = rng.randrange(4)
    name, age = rng.choice(f.PEOPLE), rng.randrange(1, 100)
    if kind == 0:
        question = choose(
            rng,
            "{n} is {a} years old. Answer in JSON with name and age.",
            "Give name and age as JSON: {n} is {a} years old.",
            "Reply with JSON, keys name and age: {n} is {a}.",
            "Extract name and age as JSON: {n}, {a} years old.",
            "Turn this into JSON with the keys name and age: {n} is {a} years old.",
            "Return a JSON object with name and age. {n} is {a} years old.",
        ).format(n=name, a=age)
        return worked("json", f"{name} {age}", question, f'{{"name": "{name}", "age": {age}}}')
    if kind == 1:
        job = rng.choice(f.JOBS)
        question = choose(
            rng,
            "{n} is {j}. Answer in JSON with name and job.",
            "Give name and job as JSON: {n} works as {j}.",
            "Reply with JSON, keys name and job: {n} is {j}.",
            "Extract name and job as JSON: {n} is {j}.",
            "Turn this into JSON with the keys name and job: {n} is {j}.",
        ).format(n=name, j=an(job))
        return worked("json", f"{name} {job}", question, f'{{"name": "{name}", "job": "{job}"}}')
    if kind == 2:
        country, city = rng.choice(list(f.CAPITALS.items()))
        question = choose(
            rng,
            "Give the capital of {c} as JSON.", "What is the capital of {c}? Answer in JSON.",
            "Reply with JSON, keys country and capital: {c}.",
            "Return a JSON object with country and capital for {c}.",
            "Answer in JSON with country and capital: what is the capital of {c}?",
        ).format(c=country)
        return recall("json", question, f'{{"country": "{country}", "capital": "{city}"}}')
    items = rng.sample(f.COPY_WORDS, rng.randrange(2, 5))
    question = choose(
        rng,
        "Make a JSON list of {}.", "Write these as a JSON list: {}.",
        "Return a JSON array of {}.", "Turn this into a JSON list: {}.",
    ).format(", ".join(items))
    return worked("json", " ".join(items), question, "[" + ", ".join(f'"{w}"' for w in items) + "]")


# --- stories -----------------------------------------------------------------

FEELINGS = ["happy", "tired", "hungry", "brave", "shy", "curious"]
WEATHER = [
    "It was a sunny day.", "It was a windy day.", "It was raining.", "The stars were out.",
    "Snow was falling.", "It was very warm.",
]
ENDS = [
    "They became friends and went home together.", "They laughed and shared a meal.",
    "They danced until the morning.", "They sang a song and fell asleep.",
]


def story_text(rng, hero, place):
    name, wish = f.HEROES[hero]
    met = f.PLACES[place]
    return (
        f"Once upon a time there was {an(hero)} called {name}. {name} lived {place} and was very "
        f"{rng.choice(FEELINGS)}. {rng.choice(WEATHER)} {name} looked for {wish}. "
        f"Then {name} met {met}. {sentence(met)} helped {name} find {wish}. "
        f"{rng.choice(ENDS)} The end."
    )


def stories(rng):
    hero, place = rng.choice(list(f.HEROES)), rng.choice(list(f.PLACES))
    kind = rng.randrange(4)
    if kind == 0:
        question = choose(
            rng,
            "Tell me a story.", "Write a story.", "Tell me a short story.", "I want a story.",
            "Please tell me a story.", "Can you tell me a story?", "Write a short story.",
        )
        # The hero is left to chance, and the plot must fit it whoever it is.
        return worked(
            "stories",
            question,
            question,
            story_text(rng, hero, place),
            contains=["Once upon a time there was", "The end."],
        )
    about = choose(
        rng,
        "Tell me a story about {}", "Write a story about {}", "Tell me a short story about {}",
        "Write a short story about {}", "Please tell me a story about {}",
        "I want a story about {}", "Can you tell me a story about {}",
        "Make up a story about {}",
    ).format(an(hero))
    end = "?" if about.startswith("Can") else "."
    name, wish = f.HEROES[hero]
    if kind == 1:
        return worked(
            "stories",
            about,
            about + end,
            story_text(rng, hero, place),
            contains=[f"Once upon a time there was {an(hero)} called {name}.", wish, "The end."],
        )
    return worked(
        "stories", f"{hero} {place}", f"{about} {place}{end}",
        story_text(rng, hero, place),
        contains=[
            f"there was {an(hero)} called {name}.", f"lived {place}",
            wish,
            f.PLACES[place],
            "The end.",
        ],
    )


# --- earlier messages --------------------------------------------------------

def memory(rng):
    """The answer lies in an earlier message."""
    kind = rng.randrange(4)
    if kind == 3:
        ask = choose(
            rng, "What is your name?", "Who are you?", "Tell me your name.", "What's your name?"
        )
        if rng.random() < 0.5:  # nobody told it otherwise
            return Item("memory", "", [("user", ask)], IDENTITY)
        name = rng.choice(f.PEOPLE)
        told = choose(
            rng,
            "Your name is {}.", "You are called {}.", "You are {}, a friendly teacher.",
            "You are {}.",
        )
        return Item(
            "memory", f"{name} {told} {ask}",
            [("system", told.format(name)), ("user", ask)],
            f"My name is {name}.",
        )
    if kind == 0:
        name = rng.choice(f.PEOPLE)
        told = rng.choice(
            ["My name is {}.", "I am {}.", "Hi, I am {}.", "Hello, my name is {}.", "Call me {}."]
        )
        ask = choose(
            rng,
            "What is my name?", "Who am I?", "Do you know my name?", "What's my name?",
            "Tell me my name.",
        )
        return Item(
            "memory", f"{name} {told} {ask}",
            [
                ("user", told.format(name)),
                ("assistant", f"Nice to meet you, {name}."), ("user", ask),
            ],
            f"Your name is {name}.",
        )
    if kind == 1:
        thing = rng.choice(["colour", "animal", "number"])
        value = rng.choice(
            {
                "colour": sorted(set(f.COLOURS.values())),
                "animal": f.KINDS["animal"],
                "number": [str(n) for n in range(1, 100)],
            }[thing]
        )
        ask = choose(
            rng,
            "What is my favourite {}?", "Which is my favourite {}?",
            "Do you know my favourite {}?",
        )
        return Item(
            "memory", f"{thing} {value} {ask}",
            [
                ("user", f"My favourite {thing} is {value}."),
                ("assistant", "I will remember that."),
                ("user", ask.format(thing)),
            ],
            f"Your favourite {thing} is {value}.",
        )
    a, b = rng.sample(list(f.CAPITALS), 2)
    ask = rng.choice(
        ["And of {}?", "And {}?", "What about {}?", "And the capital of {}?", "How about {}?"]
    )
    return Item(
        "memory", f"{a} {b}",
        [
            ("user", f"What is the capital of {a}?"),
            ("assistant", f"The capital of {a} is {f.CAPITALS[a]}."),
            ("user", ask.format(b)),
        ],
        f"The capital of {b} is {f.CAPITALS[b]}.",
    )
