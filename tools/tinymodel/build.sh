#!/bin/sh
# Makes the built-in model from nothing: environment, text, training, GGUF, evaluation.
# Takes 30 to 60 minutes of one core and 400 MB in TINYMODEL_DIR; an existing environment
# is used again. The repository's model is replaced only if the new one passes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${TINYMODEL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/inferd-tinymodel}
llama=${INFERD_LLAMA_LIB:-$root/lib/llama} # `make lib` puts the libraries there
builtin=$root/engine/llamacpp/builtin
least=0.90
export PYTHONDONTWRITEBYTECODE=1

if [ ! -e "$work/venv/bin/pip" ]; then
	python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
python=$work/venv/bin/python

nice "$python" "$here/train.py" --out "$work/run" "$@"
"$python" "$here/export.py" --run "$work/run" --gguf "$work/model.gguf"

echo "held-out questions, asked of the trainer:"
"$python" "$here/evaluate.py" --run "$work/run" --per-category 10 --least "$least"
if [ -d "$llama" ]; then
	echo "more of them, asked of llama.cpp:"
	"$python" "$here/evaluate.py" --run "$work/run" --gguf "$work/model.gguf" \
		--llama-lib "$llama" --least "$least"
	echo "and again after 1000 tokens of other talk:"
	"$python" "$here/evaluate.py" --run "$work/run" --gguf "$work/model.gguf" \
		--llama-lib "$llama" --history 1000
else
	echo "no llama.cpp in $llama: run \`make lib\` to evaluate the file with it too" >&2
fi

cp "$work/model.gguf" "$builtin/model.gguf"
"$python" "$here/evaluate.py" --run "$work/run" --per-category 17 \
	--write-questions "$builtin/heldout.jsonl"
