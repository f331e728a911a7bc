"""One question with its right answer, and which side of the split it belongs to.

An Item is held out when a hash of its category and key says so, so the split never
depends on seeds or on the order of drawing: the trainer skips those items and the
evaluation asks nothing else. Where a category computes or copies, the key is the
operands without the wording, so a held-out sum is unseen in any wording; where it
recalls facts, the key is the wording with the fact in it.
"""

import hashlib
from dataclasses import dataclass, field

HELD_OUT_PERCENT = 10


@dataclass
class Item:
    """One question with its right answer."""

    category: str
    key: str  # empty: never held out
    messages: list  # [(role, text)], the last one from the user
    answer: str
    contains: list = field(default_factory=list)  # set: any answer holding all these is right

    def held_out(self):
        if not self.key:
            return False
        digest = hashlib.sha256(f"{self.category}\n{self.key}".encode()).digest()
        return digest[0] * 100 < HELD_OUT_PERCENT * 256

    def is_right(self, got):
        got = got.strip()
        if self.contains:
            return all(part in got for part in self.contains)
        return got == self.answer


# The two ways to make an Item of a single question: the key is the question itself ...
def recall(category, question, answer):
    return Item(category, question, [("user", question)], answer)


# ... or what is computed with.
def worked(category, key, question, answer, contains=()):
    return Item(category, key, [("user", question)], answer, list(contains))


def sentence(text):
    return text[0].upper() + text[1:]


def an(word):
    return ("an " if word[0].lower() in "aeiou" else "a ") + word


def choose(rng, *wordings):
    return rng.choice(wordings)
