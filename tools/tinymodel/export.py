"""Writes the trained parameters as a GGUF v3 file that llama.cpp loads: Q8_0 matrices, F32 norms.

The format is small enough to write by hand: magic, version, counts, key-value pairs,
tensor headers, then each tensor's bytes aligned to 32. All numbers little-endian.
"""

import argparse
import io
import json
import os
import struct

import numpy as np

import model
import tokenizer

ALIGNMENT = 32
BLOCK = 32  # weights that share one scale in Q8_0
GGML_F32, GGML_Q8_0 = 0, 8
FILE_TYPE_Q8_0 = 7
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    """A key's type and value; an int becomes u32, a list takes the type of its first element."""
    if isinstance(v, bool):
        return struct.pack("<I?", BOOL, v)
    if isinstance(v, int):
        return struct.pack("<II", U32, v)
    if isinstance(v, float):
        return struct.pack("<If", F32, v)
    if isinstance(v, str):
        return struct.pack("<I", STRING) + string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(v)) + b"".join(map(string, v))
    if isinstance(v[0], float):
        return struct.pack("<IIQ", ARRAY, F32, len(v)) + np.array(v, "<f4").tobytes()
    return struct.pack("<IIQ", ARRAY, I32, len(v)) + np.array(v, "<i4").tobytes()


def metadata(cfg, tok):
    return {
        "general.architecture": "llama",
        "general.name": "inferd-tiny",
        "general.description": "a toy model to see the daemon work, not an assistant",
        "general.file_type": FILE_TYPE_Q8_0,
        "llama.context_length": cfg.context,
        "llama.embedding_length": cfg.dim,
        "llama.block_count": cfg.layers,
        "llama.feed_forward_length": cfg.ffn,
        "llama.attention.head_count": cfg.heads,
        "llama.attention.head_count_kv": cfg.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": cfg.eps,
        "llama.rope.dimension_count": cfg.head_dim,
        "llama.rope.freq_base": cfg.rope_base,
        "llama.vocab_size": cfg.vocab,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tok.tokens,
        "tokenizer.ggml.scores": tok.scores,
        "tokenizer.ggml.token_type": tok.types,
        "tokenizer.ggml.bos_token_id": tokenizer.BOS,
        "tokenizer.ggml.eos_token_id": tokenizer.END,
        "tokenizer.ggml.unknown_token_id": tokenizer.UNKNOWN,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def tensors(params, cfg):
    """Yields (llama.cpp's name, array [out, in]); the embedding is the output matrix too."""
    p = {name: np.asarray(a, np.float32) for name, a in params.items()}
    yield "token_embd.weight", p["embed"]
    yield "output_norm.weight", p["out_norm"]
    for i in range(cfg.layers):
        yield f"blk.{i}.attn_norm.weight", p["attn_norm"][i]
        for name, ours in (("attn_q", "q"), ("attn_k", "k"), ("attn_v", "v"), ("attn_output", "o")):
            yield f"blk.{i}.{name}.weight", p[ours][i].T
        yield f"blk.{i}.ffn_norm.weight", p["ffn_norm"][i]
        for name, ours in (("ffn_gate", "gate"), ("ffn_up", "up"), ("ffn_down", "down")):
            yield f"blk.{i}.{name}.weight", p[ours][i].T


def q8_0(array):
    """Blocks of 32 weights: a half-precision scale, then 32 signed bytes."""
    blocks = np.ascontiguousarray(array).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    out = np.empty(len(blocks), np.dtype([("scale", "<f2"), ("weights", "i1", BLOCK)]))
    out["scale"] = scale[:, 0]
    out["weights"] = np.rint(blocks * inverse)
    return out.tobytes()


def dequantised(params):
    """What llama.cpp will see, for evaluating in the trainer what is shipped."""
    out = {}
    for name, a in params.items():
        a = np.asarray(a, np.float32)
        if name.endswith("norm"):
            out[name] = a
            continue
        rows = a if name == "embed" else np.swapaxes(a, -1, -2)
        blocks = np.frombuffer(q8_0(rows), np.dtype([("scale", "<f2"), ("weights", "i1", BLOCK)]))
        back = (blocks["weights"] * blocks["scale"].astype(np.float32)[:, None]).reshape(rows.shape)
        out[name] = back if name == "embed" else np.swapaxes(back, -1, -2)
    return out


def write(path, params, cfg, tok):
    def pad(n):
        return -n % ALIGNMENT

    keys = metadata(cfg, tok)
    heads, body = [], io.BytesIO()
    for name, array in tensors(params, cfg):
        kind = GGML_F32 if array.ndim == 1 else GGML_Q8_0
        raw = array.astype("<f4").tobytes() if kind == GGML_F32 else q8_0(array)
        shape = array.shape[::-1]  # ggml counts dimensions from the innermost
        heads.append(
            string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, body.tell())
        )
        body.write(raw + bytes(pad(len(raw))))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(heads), len(keys))
    head += b"".join(string(k) + value(v) for k, v in keys.items()) + b"".join(heads)
    with open(path + ".part", "wb") as out:
        out.write(head + bytes(pad(len(head))) + body.getvalue())
    os.replace(path + ".part", path)


def save_vocabulary(directory, cfg, tok):
    """Writes what load_run needs besides the parameters."""
    words = [text for text, kind in zip(tok.tokens, tok.types) if kind == tokenizer.TYPE_NORMAL]
    with open(os.path.join(directory, "vocab.json"), "w") as out:
        json.dump({"words": words, "layers": cfg.layers}, out)


def load_run(directory):
    """Parameters, configuration and tokenizer of a training directory."""
    with open(os.path.join(directory, "vocab.json")) as vocab:
        saved = json.load(vocab)
    cfg = model.Config(layers=saved["layers"])
    return (
        model.load(os.path.join(directory, "params.npz")),
        cfg,
        tokenizer.Tokenizer(saved["words"]),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="the trainer's --out")
    parser.add_argument("--gguf", required=True, help="file to write")
    args = parser.parse_args()
    write(args.gguf, *load_run(args.run))
    print(f"{args.gguf}: {os.path.getsize(args.gguf)} bytes")


if __name__ == "__main__":
    main()
