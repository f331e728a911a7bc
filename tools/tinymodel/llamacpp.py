"""Just enough of libllama through ctypes to ask the exported file questions greedily.

The structs are those of llama.cpp v0.4.0, as npm's @node-llama-cpp 3.21.1 packages it;
another version may lay them out differently, so the defaults are compared first.
"""

import ctypes as c
import os

import numpy as np


def fields(*groups):
    return [(name, kind) for kind, names in groups for name in names.split()]


class ModelParams(c.Structure):
    _fields_ = fields(
        (c.c_void_p, "devices overrides"),
        (c.c_int32, "n_gpu_layers split_mode load_mode lazy_mode main_gpu"),
        (c.c_void_p, "tensor_split progress progress_data kv_overrides"),
        (c.c_bool, "vocab_only check extra_bufts no_host no_alloc mtp"),
    )


class ContextParams(c.Structure):
    _fields_ = fields(
        (c.c_uint32, "n_ctx n_batch n_ubatch n_seq_max n_rs_seq n_out_max n_out_max_seq"),
        (c.c_int32, "n_threads n_threads_batch ctx_type rope_scaling pooling attention flash"),
        (c.c_float, "rope_base rope_scale yarn_ext yarn_attn yarn_fast yarn_slow"),
        (c.c_uint32, "yarn_orig"),
        (c.c_float, "defrag"),
        (c.c_void_p, "cb_eval cb_eval_data"),
        (c.c_int32, "type_k type_v"),
        (c.c_void_p, "abort abort_data"),
        (c.c_bool, "embeddings offload no_perf op_offload swa_full unified"),
        (c.c_void_p, "samplers"),
        (c.c_uint64, "n_samplers"),
        (c.c_void_p, "other"),
    )


class Batch(c.Structure):
    _fields_ = fields(
        (c.c_int32, "n_tokens"),
        (c.POINTER(c.c_int32), "token"),
        (c.c_void_p, "embd pos n_seq_id seq_id logits"),
    )


LOG = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)
TOKENS = c.POINTER(c.c_int32)
FUNCTIONS = {  # name without llama_ -> (result, arguments)
    "backend_init": (None, []),
    "log_set": (None, [LOG, c.c_void_p]),
    "model_default_params": (ModelParams, []),
    "context_default_params": (ContextParams, []),
    "model_load_from_file": (c.c_void_p, [c.c_char_p, ModelParams]),
    "init_from_model": (c.c_void_p, [c.c_void_p, ContextParams]),
    "model_get_vocab": (c.c_void_p, [c.c_void_p]),
    "get_memory": (c.c_void_p, [c.c_void_p]),
    "memory_clear": (None, [c.c_void_p, c.c_bool]),
    "vocab_n_tokens": (c.c_int32, [c.c_void_p]),
    "vocab_is_eog": (c.c_bool, [c.c_void_p, c.c_int32]),
    "tokenize": (
        c.c_int32,
        [c.c_void_p, c.c_char_p, c.c_int32, TOKENS, c.c_int32, c.c_bool, c.c_bool],
    ),
    "token_to_piece": (
        c.c_int32,
        [c.c_void_p, c.c_int32, c.c_char_p, c.c_int32, c.c_int32, c.c_bool],
    ),
    "batch_get_one": (Batch, [TOKENS, c.c_int32]),
    "decode": (c.c_int32, [c.c_void_p, Batch]),
    "get_logits_ith": (c.POINTER(c.c_float), [c.c_void_p, c.c_int32]),
}


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
        ggml = c.CDLL(find(library_dir, "libggml"), mode=c.RTLD_GLOBAL)
        library = c.CDLL(find(library_dir, "libllama"), mode=c.RTLD_GLOBAL)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(library, "llama_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, "_" + name, function)
        self.quiet = LOG(lambda level, text, data: None)  # kept: C calls it
        self._log_set(self.quiet, None)
        ggml.ggml_backend_load_all_from_path(library_dir.encode())
        self._backend_init()

        self.model = self._model_load_from_file(path.encode(), self._model_default_params())
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        params = self._context_default_params()
        if (params.n_ctx, params.n_batch, params.type_k, params.offload) != (512, 2048, 1, True):
            raise RuntimeError("libllama lays out its structs in another way than v0.4.0")
        params.n_ctx, params.n_seq_max, params.n_threads, params.n_threads_batch = n_ctx, 1, 1, 1
        self.context = self._init_from_model(self.model, params)
        self.vocab = self._model_get_vocab(self.model)

    def tokenize(self, text):
        """Tokens of a whole prompt, its special tokens included."""
        raw = text.encode()
        out = (c.c_int32 * (len(raw) + 8))()
        n = self._tokenize(self.vocab, raw, len(raw), out, len(out), True, True)
        return list(out[:n])

    def text(self, tokens):
        raw, piece = b"", c.create_string_buffer(256)
        for token in tokens:
            length = self._token_to_piece(self.vocab, token, piece, len(piece), 0, False)
            raw += piece.raw[:length]
        return raw.decode(errors="replace")

    def greedy(self, prompt, limit):
        """Tokens of the greedy answer, without the end token."""
        self._memory_clear(self._get_memory(self.context), True)
        size = self._vocab_n_tokens(self.vocab)
        out, feed = [], list(prompt)
        while len(out) < limit:
            tokens = (c.c_int32 * len(feed))(*feed)
            if self._decode(self.context, self._batch_get_one(tokens, len(feed))) != 0:
                raise RuntimeError("llama_decode failed")
            logits = np.ctypeslib.as_array(self._get_logits_ith(self.context, -1), (size,))
            best = int(logits.argmax())
            if self._vocab_is_eog(self.vocab, best):
                break
            out.append(best)
            feed = [best]
        return out
