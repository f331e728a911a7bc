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
    context: int = 2048  # what the file promises; rotary positions have no table to outgrow
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head_dim(self):
        return self.dim // self.heads


def init(cfg, seed):
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 8))
    kv = cfg.head_dim * cfg.kv_heads

    def matrix(rows, cols, gain=1.0):
        return jax.random.normal(next(keys), (cfg.layers, rows, cols)) * gain * rows ** -0.5

    return {
        "embed": jax.random.normal(next(keys), (cfg.vocab, cfg.dim)) * 0.1,
        "out_norm": jnp.ones(cfg.dim),
        "attn_norm": jnp.ones((cfg.layers, cfg.dim)),
        "ffn_norm": jnp.ones((cfg.layers, cfg.dim)),
        "q": matrix(cfg.dim, cfg.dim), "k": matrix(cfg.dim, kv), "v": matrix(cfg.dim, kv),
        "o": matrix(cfg.dim, cfg.dim, 0.3),
        "gate": matrix(cfg.dim, cfg.ffn), "up": matrix(cfg.dim, cfg.ffn), "down": matrix(cfg.ffn, cfg.dim, 0.3),
    }


def norm(x, weight, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * weight


def rotate(x, positions, base):
    """x is [batch, time, heads, head_dim]; positions [batch, time]."""
    half = x.shape[-1] // 2
    angles = positions[..., None] * base ** (-jnp.arange(half) / half)
    sin, cos = jnp.sin(angles)[:, :, None], jnp.cos(angles)[:, :, None]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(params, cfg, tokens, positions, mask):
    """Logits [batch, time, vocab]; mask [batch, time, time] is true where time looks at time."""
    batch, time = tokens.shape
    group = cfg.heads // cfg.kv_heads
    bias = jnp.where(mask, 0.0, -1e9)[:, None, None]
    x = params["embed"][tokens]
    for i in range(cfg.layers):
        h = norm(x, params["attn_norm"][i], cfg.eps)
        q = rotate((h @ params["q"][i]).reshape(batch, time, cfg.heads, -1), positions, cfg.rope_base)
        k = rotate((h @ params["k"][i]).reshape(batch, time, cfg.kv_heads, -1), positions, cfg.rope_base)
        v = (h @ params["v"][i]).reshape(batch, time, cfg.kv_heads, -1)
        q = q.reshape(batch, time, cfg.kv_heads, group, -1)
        scores = jnp.einsum("btkgd,bskd->bkgts", q, k) * cfg.head_dim ** -0.5 + bias
        mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores, -1), v)
        x = x + mixed.reshape(batch, time, cfg.dim) @ params["o"][i]
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
        row[:len(prompt)] = prompt
    at = np.array([len(p) for p in prompts])
    positions = jnp.broadcast_to(jnp.arange(length), tokens.shape)
    mask = jnp.broadcast_to(jnp.tril(jnp.ones((length, length), bool)), (len(prompts), length, length))
    done = np.zeros(len(prompts), bool)
    for _ in range(limit):
        best = np.asarray(_best(params, cfg, jnp.asarray(tokens), positions, mask, jnp.asarray(at - 1)))
        tokens[np.arange(len(prompts))[~done], at[~done]] = best[~done]
        done |= best == end
        at = at + ~done
        if done.all():
            break
    return [list(row[len(p):n]) for row, p, n in zip(tokens, prompts, at)]


def _best_token(params, cfg, tokens, positions, mask, at):
    logits = forward(params, cfg, tokens, positions, mask)
    return jnp.argmax(logits[jnp.arange(tokens.shape[0]), at], -1)


_best = jax.jit(_best_token, static_argnums=1)
