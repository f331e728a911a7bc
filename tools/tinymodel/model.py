"""A llama-architecture transformer in plain jax: parameters, forward pass, greedy answers.

Matrices are stored as [layer, in, out]; export.py turns them round for GGUF. Rotary
embeddings rotate neighbouring pairs (2i, 2i+1), which is the layout that GGUF files
of the llama architecture expect, so nothing needs permuting on export.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Config:
    vocab: int = 1024
    dim: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 384
    context: int = 2048
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head_dim(self):
        return self.dim // self.heads


def init(cfg, seed):
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 8))
    kv = cfg.head_dim * cfg.kv_heads

    def matrix(rows, cols, gain=1.0):
        return jax.random.normal(next(keys), (cfg.layers, rows, cols)) * gain * rows**-0.5

    return {
        "embed": jax.random.normal(next(keys), (cfg.vocab, cfg.dim)) * 0.1,
        "out_norm": jnp.ones(cfg.dim),
        "attn_norm": jnp.ones((cfg.layers, cfg.dim)),
        "ffn_norm": jnp.ones((cfg.layers, cfg.dim)),
        "q": matrix(cfg.dim, cfg.dim),
        "k": matrix(cfg.dim, kv),
        "v": matrix(cfg.dim, kv),
        "o": matrix(cfg.dim, cfg.dim, 0.3),
        "gate": matrix(cfg.dim, cfg.ffn),
        "up": matrix(cfg.dim, cfg.ffn),
        "down": matrix(cfg.ffn, cfg.dim, 0.3),
    }


def norm(x, weight, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * weight


def rotate(x, cos, sin):
    """x is [batch, heads, time, head_dim]; cos and sin, which holds the signs, have one head."""
    swapped = x.reshape(*x.shape[:-1], -1, 2)[..., ::-1].reshape(x.shape)
    return x * cos + swapped * sin


def rotations(cfg, positions):
    half = cfg.head_dim // 2
    angles = jnp.repeat(
        positions[:, None, :, None] * cfg.rope_base ** (-jnp.arange(half) / half), 2, -1
    )
    return jnp.cos(angles), jnp.sin(angles) * jnp.tile(jnp.array([-1.0, 1.0]), half)


def attend(q, k, v, bias):
    """Softmax attention, written out because XLA's own runs at half the speed on one core."""
    scores = jnp.einsum("htd,hsd->hts", q, k) + bias
    weights = jnp.exp(scores - jax.lax.stop_gradient(scores.max(-1, keepdims=True)))
    return jnp.einsum("hts,hsd->htd", weights, v) / weights.sum(-1, keepdims=True)


def forward(params, cfg, tokens, positions, mask):
    """Logits [batch, time, vocab]; mask [batch, time, time] is true where time looks at time."""
    batch, time = tokens.shape
    cos, sin = rotations(cfg, positions)
    bias = jnp.repeat(jnp.where(mask, 0.0, -1e9), cfg.heads, 0)

    def split(x, heads):  # [batch, time, dim] -> [batch, heads, time, head_dim]
        return x.reshape(batch, time, heads, cfg.head_dim).swapaxes(1, 2)

    def flat(x):  # one row for every query head
        return jnp.repeat(x, cfg.heads // x.shape[1], 1).reshape(
            batch * cfg.heads, time, cfg.head_dim
        )

    x = params["embed"][tokens]
    for i in range(cfg.layers):
        h = norm(x, params["attn_norm"][i], cfg.eps)
        q = rotate(split(h @ params["q"][i], cfg.heads), cos, sin) * cfg.head_dim**-0.5
        k = rotate(split(h @ params["k"][i], cfg.kv_heads), cos, sin)
        v = split(h @ params["v"][i], cfg.kv_heads)
        mixed = attend(flat(q), flat(k), flat(v), bias).reshape(batch, cfg.heads, time, -1)
        x = x + mixed.swapaxes(1, 2).reshape(batch, time, cfg.dim) @ params["o"][i]
        h = norm(x, params["ffn_norm"][i], cfg.eps)
        x = x + (jax.nn.silu(h @ params["gate"][i]) * (h @ params["up"][i])) @ params["down"][i]
    return norm(x, params["out_norm"], cfg.eps) @ params["embed"].T


def load(path):
    with np.load(path, allow_pickle=False) as data:
        return {name: jnp.asarray(data[name]) for name in data.files}


def greedy(params, cfg, prompts, end, limit):
    """Greedy answers to many prompts at once, as lists of tokens without the end token."""
    length = max(map(len, prompts)) + limit
    length += -length % 64  # few shapes, few compilations
    tokens = np.zeros((len(prompts), length), np.int32)
    for row, prompt in zip(tokens, prompts):
        row[: len(prompt)] = prompt
    at = np.array([len(p) for p in prompts])
    positions = jnp.broadcast_to(jnp.arange(length), tokens.shape)
    mask = jnp.broadcast_to(
        jnp.tril(jnp.ones((length, length), bool)), (len(prompts), length, length)
    )
    done = np.zeros(len(prompts), bool)
    for _ in range(limit):
        best = np.asarray(
            _best(params, cfg, jnp.asarray(tokens), positions, mask, jnp.asarray(at - 1))
        )
        tokens[np.arange(len(prompts))[~done], at[~done]] = best[~done]
        done |= best == end
        at = at + ~done
        if done.all():
            break
    return [list(row[len(p) : n]) for row, p, n in zip(tokens, prompts, at)]


def _best_token(params, cfg, tokens, positions, mask, at):
    logits = forward(params, cfg, tokens, positions, mask)
    return jnp.argmax(logits[jnp.arange(tokens.shape[0]), at], -1)


_best = jax.jit(_best_token, static_argnums=1)
