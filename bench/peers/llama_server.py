#!/usr/bin/env python3
"""llama.cpp's own HTTP server, from the prebuilt wheel of the xllamacpp package.

For machines without a llama-server binary:

    python3 -m venv venv && venv/bin/pip install xllamacpp==2026.10.11549
    go run ./bench/peers -model M -llama-server "venv/bin/python bench/peers/llama_server.py"

Takes the few llama-server flags that the comparison uses; -c is the context of
all sequences together, as there.
"""

import argparse
import signal

import xllamacpp


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--parallel", type=int, default=1)
    p.add_argument("--ctx-size", type=int, default=4096)
    a = p.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = a.model
    params.hostnames = [a.host]
    params.port = a.port
    params.n_ctx = a.ctx_size
    params.n_parallel = a.parallel
    params.cpuparams.n_threads = a.threads
    params.cpuparams_batch.n_threads = a.threads
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
