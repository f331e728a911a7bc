"""Just enough of libllama through ctypes to ask the exported file questions greedily.

The structs are those of llama.cpp v0.4.0, as npm's @node-llama-cpp 3.21.1 packages it;
another version may lay them out differently, so the defaults are compared first.
"""

import ctypes as c
import os

import numpy as np


class ModelParams(c.Structure):
    _fields_ = [
        ("devices", c.c_void_p), ("overrides", c.c_void_p), ("n_gpu_layers", c.c_int32), ("split_mode", c.c_int32),
        ("load_mode", c.c_int32), ("lazy_mode", c.c_int32), ("main_gpu", c.c_int32), ("tensor_split", c.c_void_p),
        ("progress", c.c_void_p), ("progress_data", c.c_void_p), ("kv_overrides", c.c_void_p),
        ("vocab_only", c.c_bool), ("check", c.c_bool), ("extra_bufts", c.c_bool), ("no_host", c.c_bool),
        ("no_alloc", c.c_bool), ("mtp", c.c_bool),
    ]


class ContextParams(c.Structure):
    _fields_ = (
        [(n, c.c_uint32) for n in ("n_ctx", "n_batch", "n_ubatch", "n_seq_max", "n_rs_seq", "n_out_max",
                                   "n_out_max_seq")]
        + [(n, c.c_int32) for n in ("n_threads", "n_threads_batch", "ctx_type", "rope_scaling", "pooling",
                                    "attention", "flash")]
        + [(n, c.c_float) for n in ("rope_base", "rope_scale", "yarn_ext", "yarn_attn", "yarn_fast", "yarn_slow")]
        + [("yarn_orig", c.c_uint32), ("defrag", c.c_float), ("cb_eval", c.c_void_p), ("cb_eval_data", c.c_void_p),
           ("type_k", c.c_int32), ("type_v", c.c_int32), ("abort", c.c_void_p), ("abort_data", c.c_void_p)]
        + [(n, c.c_bool) for n in ("embeddings", "offload", "no_perf", "op_offload", "swa_full", "unified")]
        + [("samplers", c.c_void_p), ("n_samplers", c.c_uint64), ("other", c.c_void_p)]
    )


class Batch(c.Structure):
    _fields_ = [
        ("n_tokens", c.c_int32), ("token", c.POINTER(c.c_int32)), ("embd", c.c_void_p), ("pos", c.c_void_p),
        ("n_seq_id", c.c_void_p), ("seq_id", c.c_void_p), ("logits", c.c_void_p),
    ]


LOG = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)


def find(directory, name):
    """The library under either name: libllama.so, or libllama.v0.4.0.so as npm packages it."""
    for path in (f"{name}.so", f"{name}.v0.4.0.so"):
        if os.path.exists(os.path.join(directory, path)):
            return os.path.join(directory, path)
    raise FileNotFoundError(f"no {name} in {directory}")


class Model:
    """One model with one context of one sequence. It lives as long as the process."""

    def __init__(self, library_dir, path, n_ctx=2048):
        os.environ.setdefault("GGML_NO_BACKTRACE", "1")
        self.ggml = c.CDLL(find(library_dir, "libggml"), mode=c.RTLD_GLOBAL)
        self.lib = lib = c.CDLL(find(library_dir, "libllama"), mode=c.RTLD_GLOBAL)
        lib.llama_model_default_params.restype = ModelParams
        lib.llama_context_default_params.restype = ContextParams
        for name in ("llama_model_load_from_file", "llama_init_from_model", "llama_model_get_vocab",
                     "llama_get_memory"):
            getattr(lib, name).restype = c.c_void_p
        lib.llama_model_load_from_file.argtypes = [c.c_char_p, ModelParams]
        lib.llama_init_from_model.argtypes = [c.c_void_p, ContextParams]
        lib.llama_model_get_vocab.argtypes = [c.c_void_p]
        lib.llama_get_memory.argtypes = [c.c_void_p]
        lib.llama_memory_clear.argtypes = [c.c_void_p, c.c_bool]
        lib.llama_tokenize.argtypes = [c.c_void_p, c.c_char_p, c.c_int32, c.POINTER(c.c_int32), c.c_int32,
                                       c.c_bool, c.c_bool]
        lib.llama_token_to_piece.argtypes = [c.c_void_p, c.c_int32, c.c_char_p, c.c_int32, c.c_int32, c.c_bool]
        lib.llama_vocab_is_eog.argtypes = [c.c_void_p, c.c_int32]
        lib.llama_vocab_is_eog.restype = c.c_bool
        lib.llama_vocab_n_tokens.argtypes = [c.c_void_p]
        lib.llama_decode.argtypes = [c.c_void_p, Batch]
        lib.llama_batch_get_one.argtypes = [c.POINTER(c.c_int32), c.c_int32]
        lib.llama_batch_get_one.restype = Batch
        lib.llama_get_logits_ith.argtypes = [c.c_void_p, c.c_int32]
        lib.llama_get_logits_ith.restype = c.POINTER(c.c_float)
        self.quiet = LOG(lambda level, text, data: None)
        lib.llama_log_set(self.quiet, None)
        self.ggml.ggml_backend_load_all_from_path(library_dir.encode())
        lib.llama_backend_init()

        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        params = lib.llama_context_default_params()
        if (params.n_ctx, params.n_batch, params.type_k, params.offload) != (512, 2048, 1, True):
            raise RuntimeError("libllama lays out its structs in another way than v0.4.0")
        params.n_ctx, params.n_seq_max, params.n_threads, params.n_threads_batch = n_ctx, 1, 1, 1
        self.context = lib.llama_init_from_model(self.model, params)
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.vocab_size = lib.llama_vocab_n_tokens(self.vocab)

    def tokenize(self, text, special):
        raw = text.encode()
        out = (c.c_int32 * (len(raw) + 8))()
        n = self.lib.llama_tokenize(self.vocab, raw, len(raw), out, len(out), True, special)
        return list(out[:n])

    def text(self, tokens):
        raw, buffer = b"", c.create_string_buffer(256)
        for token in tokens:
            length = self.lib.llama_token_to_piece(self.vocab, token, buffer, 256, 0, False)
            raw += buffer.raw[:length]
        return raw.decode(errors="replace")

    def greedy(self, prompt, limit):
        """Tokens of the greedy answer, without the end token."""
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)
        out, feed = [], list(prompt)
        while len(out) < limit:
            tokens = (c.c_int32 * len(feed))(*feed)
            if self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(tokens, len(feed))) != 0:
                raise RuntimeError("llama_decode failed")
            logits = np.ctypeslib.as_array(self.lib.llama_get_logits_ith(self.context, -1), (self.vocab_size,))
            best = int(logits.argmax())
            if self.lib.llama_vocab_is_eog(self.vocab, best):
                break
            out.append(best)
            feed = [best]
        return out
