"""Trains the model on freshly drawn conversations; one thread, a fixed seed.

Matrices are trained with Muon (momentum, made orthogonal by a few Newton-Schulz
steps), which needs several times fewer samples here than Adam; the embedding and
the norms are trained with Adam. The learning rate falls linearly to zero.
"""

import argparse
import itertools
import os
import random
import time

os.environ.setdefault("NPROC", "1")  # the size of XLA's thread pool

import jax
import jax.numpy as jnp
import numpy as np

import corpus
import export
import model
import tokenizer

PROMPT_WEIGHT = 0.05  # a little of the questions' language, nearly all of the answers'
MUON = {"q", "k", "v", "o", "gate", "up", "down"}
MUON_RATE, ADAM_RATE = 0.02, 0.004
MUON_MOMENTUM, ADAM_FIRST, ADAM_SECOND = 0.95, 0.9, 0.98
WEIGHT_DECAY = 0.02
WARMUP_STEPS = 40
ONE_TURN = 0.65  # of the short conversations; the others have two to six turns
SHORT_ROWS, SHORT_TOKENS = 10, 192
LONG_TOKENS = model.Config.context
LONG_EVERY = 16  # steps
POOL = 32  # conversations to choose from when filling a row
VOCABULARY_TURNS = 40000  # from which the vocabulary is learnt


def learn_vocabulary(size, seed):
    rng = random.Random(f"vocabulary {seed}")
    drawn = (next(corpus.turns(rng)) for _ in range(VOCABULARY_TURNS))
    texts = [text for turn in drawn for _, text in turn]
    return tokenizer.Tokenizer(tokenizer.learn(texts, size))


class Packer:
    """Turns the corpus into batches of whole conversations that cannot see each other."""

    def __init__(self, tok, seed):
        self.tok, self.rng = tok, random.Random(f"train {seed}")
        self.pool = [self.short() for _ in range(POOL)]  # the longest waiting first

    def conversation(self, most_turns, most_tokens):
        """tokens and weights of as many turns as fit, at least one."""
        tokens, weights = [], []
        for turn in itertools.islice(corpus.turns(self.rng), most_turns):
            before = len(tokens)
            for role, text in turn:
                part = self.tok.message(role, text)
                tokens += part
                if role == "assistant":
                    # <|im_start|>, the role and the line breaks are always given.
                    weights += [PROMPT_WEIGHT] * 3 + [1.0] * (len(part) - 4) + [PROMPT_WEIGHT]
                else:
                    weights += [PROMPT_WEIGHT] * len(part)
            if len(tokens) > most_tokens:
                return tokens[:before], weights[:before]
        return tokens, weights

    def short(self):
        turns = 1 if self.rng.random() < ONE_TURN else self.rng.randrange(2, 7)
        while True:
            tokens, weights = self.conversation(turns, SHORT_TOKENS)
            if tokens:
                return tokens, weights

    def first_fit(self, room):
        for i, found in enumerate(self.pool):
            if len(found[0]) <= room:
                self.pool.append(self.short())
                return self.pool.pop(i)
        return None

    def short_batch(self):
        """Many short conversations; see _blank for the arrays."""
        out = _blank(SHORT_ROWS, SHORT_TOKENS)
        for row in range(SHORT_ROWS):
            at, segment = 0, 1
            while (found := self.first_fit(SHORT_TOKENS - at)) is not None:
                _put(out, row, at, segment, *found)
                at, segment = at + len(found[0]), segment + 1
        return out

    def long_batch(self):
        """One conversation as long as the context: answers must survive a long history."""
        out = _blank(1, LONG_TOKENS)
        _put(out, 0, 0, 1, *self.conversation(LONG_TOKENS, LONG_TOKENS))
        return out


def _blank(rows, length):
    """tokens, positions, segments, weights: [rows, length]; segment 0 is padding."""
    kinds = (np.int32, np.float32, np.int32, np.float32)
    return tuple(np.zeros((rows, length), kind) for kind in kinds)


def _put(batch, row, at, segment, tokens, weights):
    end = at + len(tokens)
    batch[0][row, at:end] = tokens
    batch[1][row, at:end] = range(len(tokens))
    batch[2][row, at:end] = segment
    batch[3][row, at + 1 : end] = weights[1:]


def loss(params, cfg, tokens, positions, segments, weights):
    time = tokens.shape[1]
    mask = jnp.tril(jnp.ones((time, time), bool)) & (segments[:, :, None] == segments[:, None, :])
    logits = model.forward(params, cfg, tokens, positions, mask)[:, :-1]
    target = jnp.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0]
    lost = jax.nn.logsumexp(logits, -1) - target
    weights = weights[:, 1:]
    return (lost * weights).sum() / weights.sum()


def orthogonal(m):
    """The nearest orthogonal matrix, roughly, for every matrix of the stack."""
    tall = m.shape[-2] > m.shape[-1]
    x = jnp.swapaxes(m, -1, -2) if tall else m
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        square = x @ jnp.swapaxes(x, -1, -2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    x = jnp.swapaxes(x, -1, -2) if tall else x
    return x * max(1.0, m.shape[-1] / m.shape[-2]) ** 0.5


def step(params, state, rate, cfg, batch):
    lost, grads = jax.value_and_grad(loss)(params, cfg, *batch)
    count = state["count"] + 1
    new_params, new_state = {}, {"count": count}
    for name, p in params.items():
        g = grads[name]
        if name in MUON:
            m = MUON_MOMENTUM * state[name] + g
            update = rate * MUON_RATE * orthogonal(g + MUON_MOMENTUM * m)
            new_params[name] = p * (1 - rate * MUON_RATE * WEIGHT_DECAY) - update
            new_state[name] = m
        else:
            m, v = state[name]
            m = ADAM_FIRST * m + (1 - ADAM_FIRST) * g
            v = ADAM_SECOND * v + (1 - ADAM_SECOND) * g * g
            update = m / (1 - ADAM_FIRST**count) / (jnp.sqrt(v / (1 - ADAM_SECOND**count)) + 1e-8)
            new_params[name] = p - rate * ADAM_RATE * update
            new_state[name] = (m, v)
    return new_params, new_state, lost


def save(params, directory):
    path = os.path.join(directory, "params.npz")
    np.savez(path + ".part.npz", **{name: np.asarray(p) for name, p in params.items()})
    os.replace(path + ".part.npz", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="directory for vocab.json and params.npz")
    parser.add_argument("--start", help="--out of an earlier run to train on, vocabulary included")
    parser.add_argument("--rate", type=float, default=1.0, help="factor on both learning rates")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--layers", type=int, default=model.Config.layers)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)

    cfg = model.Config(layers=args.layers)
    if args.start:
        params, cfg, tok = export.load_run(args.start)
    else:
        params, tok = model.init(cfg, args.seed), learn_vocabulary(cfg.vocab, args.seed)
    export.save_vocabulary(args.out, cfg, tok)
    packer = Packer(tok, args.seed)

    print(f"{sum(p.size for p in params.values())} parameters", flush=True)
    state = {
        name: jnp.zeros_like(p) if name in MUON else (jnp.zeros_like(p), jnp.zeros_like(p))
        for name, p in params.items()
    }
    state["count"] = jnp.zeros(())
    run = jax.jit(step, static_argnums=3, donate_argnums=(0, 1))

    started, recent = time.time(), []
    for i in range(args.steps):
        rate = args.rate * min(1.0, (i + 1) / WARMUP_STEPS, 1 - i / args.steps)
        batch = packer.long_batch() if (i + 1) % LONG_EVERY == 0 else packer.short_batch()
        params, state, lost = run(params, state, rate, cfg, batch)
        recent.append(float(lost))
        if (i + 1) % 50 == 0:
            print(
                f"step {i + 1} loss {np.mean(recent):.4f} seconds {time.time() - started:.0f}",
                flush=True,
            )
            recent = []
        if (i + 1) % 250 == 0:
            save(params, args.out)
    save(params, args.out)


if __name__ == "__main__":
    main()
