#!/usr/bin/env bash
# The engine beside llama.cpp's server: the same weights, adapters, prompts and threads, in turns.
#
#   bench/engine.sh                 prints the medians of 5 rounds
#   bench/engine.sh --json FILE     writes them as data too
#   bench/engine.sh --rounds N      more or fewer rounds
#
# The peer is the wheel xllamacpp from PyPI, as it comes. Run it while the machine does nothing else.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

arguments=()
while (($#)); do
	case $1 in
	--json | --rounds)
		[[ $# -ge 2 ]] || die "$1 needs a value; bench/engine.sh --help shows how" 64
		arguments+=("$1" "$([[ $1 == --json ]] && realpath -m "$2" || echo "$2")")
		shift 2
		;;
	-h | --help)
		show_help
		exit 0
		;;
	*) die "unknown argument '$1'; bench/engine.sh --help lists them" 64 ;;
	esac
done

steps 4
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh"
load_env
step "Building"
build_worker
step "The peer, from PyPI, and the model (100 million random weights)"
venv=$TRIBUTARY_CACHE/peer
if ! "$venv/bin/python" -c 'import xllamacpp, gguf, safetensors' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$TRIBUTARY_ROOT/bench/requirements.txt"
fi
model=$TRIBUTARY_CACHE/bench-model
[[ -f $model/adapters/31/adapter_config.json ]] || "$venv/bin/python" "$TRIBUTARY_ROOT/bench/model.py" "$model"
step "Rounds"
exec "$venv/bin/python" -B "$TRIBUTARY_ROOT/bench/compare.py" --bench "$WORKER_TARGET/release/tributary-bench" \
	--model "$model" "${arguments[@]}"
