"""A SentencePiece-style tokenizer that splits text exactly as llama.cpp does.

llama.cpp's "llama" tokenizer starts from single characters and keeps merging the
neighbouring pair whose joined text has the highest score, the leftmost of equals,
until no pair is in the vocabulary; characters it lacks become byte tokens. The
same loop is written out here. Three rules keep the vocabulary simple: no token
spans a word boundary (so words can be split one by one and cached), digits stand
alone (so sums have a chance), and nothing joins across a line break (so text may
be split with or without its template around it).
"""

import re
from collections import Counter

UNKNOWN, BOS, EOS, BYTES = 0, 1, 2, 3  # ids; 256 byte tokens follow
START, END = 259, 260  # <|im_start|>, <|im_end|>
SPECIAL = {"<|im_start|>": START, "<|im_end|>": END}
SPACE = "\u2581"
TYPE_NORMAL, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_BYTE = 1, 2, 3, 6

WORD = re.compile(f"{SPACE}?[^{SPACE}]*")
LETTERS = re.compile(f"{SPACE}?[^\\W\\d_]+")


class Tokenizer:
    def __init__(self, words):
        """words are the normal tokens, the most wanted merge first."""
        self.tokens = (
            ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + list(SPECIAL)
        )
        self.types = (
            [TYPE_UNKNOWN, TYPE_CONTROL, TYPE_CONTROL] + [TYPE_BYTE] * 256 + [TYPE_CONTROL] * 2
        )
        self.tokens += words
        self.types += [TYPE_NORMAL] * len(words)
        self.scores = [
            0.0 if t != TYPE_NORMAL else -float(i - END) for i, t in enumerate(self.types)
        ]
        self.ids = {text: i for i, text in enumerate(self.tokens) if self.types[i] == TYPE_NORMAL}
        self.cache = {}

    def encode(self, text):
        """Tokens of plain text; special tokens in it are not recognised."""
        out = []
        for word in WORD.findall(text.replace(" ", SPACE)):
            if word:
                if word not in self.cache:
                    self.cache[word] = self._split(word)
                out += self.cache[word]
        return out

    def _split(self, word):
        parts = list(word)
        while True:
            best, at = None, -1
            for i in range(len(parts) - 1):
                token = self.ids.get(parts[i] + parts[i + 1])
                if token is not None and (best is None or self.scores[token] > best):
                    best, at = self.scores[token], i
            if best is None:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        out = []
        for part in parts:
            if part in self.ids:
                out.append(self.ids[part])
            else:
                out += [BYTES + b for b in part.encode()]
        return out

    def decode(self, ids):
        raw = b""
        for i in ids:
            if self.types[i] == TYPE_BYTE:
                raw += bytes([i - BYTES])
            elif self.types[i] == TYPE_NORMAL:
                raw += self.tokens[i].replace(SPACE, " ").encode()
        return raw.decode(errors="replace")

    def message(self, role, text):
        """One ChatML message, the line break after it included."""
        return [START] + self.encode(f"{role}\n{text}") + [END] + self.encode("\n")

    def prompt(self, messages):
        """A conversation up to the point where the assistant speaks."""
        out = []
        for role, text in messages:
            out += self.message(role, text)
        return out + [START] + self.encode("assistant\n")


def learn(texts, size):
    """Learns the words of a vocabulary of the given size by byte-pair merging."""
    counts = Counter(w for t in texts for w in LETTERS.findall(t.replace(" ", SPACE)))
    counts += Counter({role: len(texts) for role in ("user", "assistant", "system")})
    characters = Counter(
        c for t in texts for c in t.replace(" ", SPACE) if c != "\n" and ord(c) < 0x250
    )
    characters[SPACE] += 1
    for code in range(0x21, 0x7F):  # whatever a user types
        characters[chr(code)] += 1
    room = size - (END + 1) - len(characters)
    splits = {word: list(word) for word in counts}
    merges = []
    while len(merges) < room:
        pairs = Counter()
        for word, parts in splits.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[word]
        # Ties go to the alphabet: the result must not depend on the order of a hash table.
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append("".join(best))
        for word, parts in splits.items():
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i : i + 2] = [merges[-1]]
                i += 1
    assert len(set(merges)) == len(merges), "two merges make one token"
    return merges + sorted(characters)
