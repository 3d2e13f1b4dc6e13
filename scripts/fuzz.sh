#!/usr/bin/env bash
# Random calls against the real runtime, and the bytes of strangers against every decoder of the chain, of the worker
# and of the command line. First the kept inputs (tests/fuzz/corpus, tests/fuzz/worker/corpus), then new ones.
#
#   scripts/fuzz.sh                        all targets, for two minutes together
#   scripts/fuzz.sh --seconds 600 runtime  one target, for ten
#   scripts/fuzz.sh --calls 10000000 --part 2/8 runtime
#                                          the second eighth of ten million calls: each part has choices of its own
#   scripts/fuzz.sh --seed N               the choices of an earlier run; another hour has others
#   scripts/fuzz.sh --replay-only          the kept inputs
#   scripts/fuzz.sh --json                 figures on standard output
#
# An input that reaches something new is kept in $TRIBUTARY_CACHE/fuzz and begins the next run. One that makes a target
# panic is written there too, shrunk, and the last line says how to run it again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CHAIN_TARGETS=(runtime extrinsic voucher record batch proof money)
WORKER_TARGETS=(adapter safetensors manifest recipe openai grammar mcp dsse published private headers)

seconds=120
calls=()
json=no
shared=()
# Another stream of choices every hour: runs add up.
seed=$(($(date +%s) / 3600))
targets=()
while (($# > 0)); do
	case $1 in
	--seconds | --calls | --seed | --part) [[ $# -ge 2 ]] || die "$1 needs a value; scripts/fuzz.sh --help shows how" 64 ;;&
	--seconds) seconds=$2; shift ;;
	--calls) calls=(--calls "$2"); shift ;;
	--seed) seed=$2; shift ;;
	--part) shared+=("$1" "$2"); shift ;;
	--replay-only) shared+=("$1") ;;
	--json) json=yes ;;
	-h | --help) show_help; exit 0 ;;
	-*) die "unknown argument '$1'; scripts/fuzz.sh --help lists them" 64 ;;
	*) targets+=("$1") ;;
	esac
	shift
done
known=("${CHAIN_TARGETS[@]}" "${WORKER_TARGETS[@]}")
((${#targets[@]} > 0)) || targets=("${known[@]}")
chain=() worker=()
for target in "${targets[@]}"; do
	case " ${CHAIN_TARGETS[*]} | ${WORKER_TARGETS[*]} " in
	*" $target "*"|"*) chain+=("$target") ;;
	*"|"*" $target "*) worker+=("$target") ;;
	*) die "unknown target '$target'; there are: ${known[*]}" 64 ;;
	esac
done
shared+=(--seed "$seed")
[[ $json == no ]] || shared+=(--json)
say "choices follow from --seed $seed"

# campaign NAME PROGRAM CORPUS SECONDS TARGETS...: runs a fuzz program; its figures go to a file.
campaign() {
	local name=$1 program=$2 corpus=$3 time=$4 figures=$TRIBUTARY_CACHE/fuzz/$1.json
	shift 4
	"$program" "$@" --seconds "$time" "${calls[@]}" "${shared[@]}" --corpus "$corpus" \
		--work "$TRIBUTARY_CACHE/fuzz/inputs" --findings "$TRIBUTARY_CACHE/fuzz/findings" >"$figures" ||
		die "$name: an input made a target panic: see above"
	results+=("$figures")
}

mkdir -p "$TRIBUTARY_CACHE/fuzz"
results=()
# Time is shared by the number of targets; the runtime counts for as many as all others.
weight() {
	local sum=$# target
	for target in "$@"; do
		[[ $target != runtime ]] || sum=$((sum + ${#known[@]} - 2))
	done
	echo "$sum"
}
all=$(($(weight "${chain[@]}") + $(weight "${worker[@]}")))
if ((${#chain[@]} > 0)); then
	build_chain -p tributary-fuzz
	campaign chain "$CHAIN_TARGET/release/tributary-fuzz" "$TRIBUTARY_ROOT/tests/fuzz/corpus" \
		$((seconds * $(weight "${chain[@]}") / all)) "${chain[@]}"
fi
if ((${#worker[@]} > 0)); then
	build_worker -p tributary-fuzz-worker
	campaign worker "$WORKER_TARGET/release/tributary-fuzz-worker" "$TRIBUTARY_ROOT/tests/fuzz/worker/corpus" \
		$((seconds * $(weight "${worker[@]}") / all)) "${worker[@]}"
fi
[[ $json == no ]] || jq --slurp add "${results[@]}"
