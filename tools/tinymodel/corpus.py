"""Generates the training conversations and the held-out questions.

recalled.py and computed.py draw single questions; here they are mixed by category,
styled the way people type, given system messages and strung together.
"""

import random

import computed
import recalled

CATEGORIES = {  # category -> (draw, share of the training text)
    "talk": (recalled.talk, 6),
    "capitals": (recalled.capitals, 8),
    "colours": (recalled.colours, 5),
    "opposites": (recalled.opposites, 4),
    "animals": (recalled.animals, 5),
    "kinds": (recalled.kinds, 6),
    "sizes": (recalled.sizes, 6),
    "translate": (recalled.translate, 3),
    "emoji": (recalled.emoji, 1),
    "faq": (recalled.faq, 2),
    "calendar": (recalled.calendar, 7),
    "sums": (computed.sums, 14),
    "differences": (computed.differences, 15),
    "products": (computed.products, 6),
    "compare": (computed.compare, 6),
    "parity": (computed.parity, 2),
    "counting": (computed.counting, 8),
    "spelling": (computed.spelling, 6),
    "repeat": (computed.repeat, 5),
    "json": (computed.json_answers, 5),
    "stories": (computed.stories, 3),
    "unknown": (recalled.unknown, 9),
    "memory": (computed.memory, 4),
}
# Categories whose questions mean the same without capitals and punctuation.
CASELESS = {
    "talk", "capitals", "colours", "opposites", "animals", "kinds", "sizes", "translate", "emoji",
    "calendar", "sums", "differences", "products", "compare", "parity", "stories", "unknown",
    "faq",
}

SYSTEM_PROMPTS = [
    "You are a helpful assistant.", "You are inferd-tiny, a small friendly model.",
    "Be kind and brief.", "You are a helpful, honest assistant. Answer the questions of the user.",
    "Answer in English.", "You answer simple questions.",
    "You are a friendly teacher for children.",
]


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
    if item.messages[0][0] != "system" and rng.random() < 0.15:
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


def turns(rng):
    """An endless training conversation: one list of (role, text) a turn, the answer included."""
    first = True
    while True:
        item = draw(rng, held_out=False)
        if first:
            add_system(rng, item)
        elif item.messages[0][0] == "system":  # only ever the first message
            continue
        first = False
        yield item.messages + [("assistant", item.answer)]


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
