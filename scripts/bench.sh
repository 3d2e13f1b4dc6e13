#!/usr/bin/env bash
# Prints what things cost and how fast they are on this machine. Builds what is missing.
#
#   scripts/bench.sh                 prints the figures
#   scripts/bench.sh --json FILE     writes them as data too
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

json=
while (($#)); do
	case $1 in
	--json)
		[[ $# -ge 2 ]] || die "--json needs a file; scripts/bench.sh --help shows how" 64
		json=$(realpath -m "$2")
		shift 2
		;;
	-h | --help)
		show_help
		exit 0
		;;
	*) die "unknown argument '$1'; scripts/bench.sh --help lists them" 64 ;;
	esac
done

steps 5
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh"
load_env
step "Building"
build_chain
build_worker

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
bench=$WORKER_TARGET/release/tributary-bench
step "Settlement and claims: declared weight, bytes, proofs"
"$CHAIN_TARGET/release/tributary-settlement-bench" --json "$out/settlement.json"
step "Suffix index: 10 million tokens"
"$bench" spans --tokens 10000000 --json "$out/spans.json"
step "Engine: 1, 8 and 32 streams"
"$bench" engine "$TRIBUTARY_ROOT/models/tributary-3m" --json "$out/engine.json"

jq -n --slurpfile s "$out/settlement.json" --slurpfile p "$out/spans.json" --slurpfile e "$out/engine.json" \
	--arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --arg cores "$(nproc)" \
	--arg memory "$(awk '/MemTotal/ {printf "%d", $2 / 1048576}' /proc/meminfo)" --arg load "$(cut -d' ' -f1 /proc/loadavg)" \
	--arg commit "$(git -C "$TRIBUTARY_ROOT" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
	'$s[0] + {spans: $p[0], engine: $e[0], machine: {cpu: $cpu, cores: ($cores | tonumber),
	memory_gib: ($memory | tonumber), load: ($load | tonumber), commit: $commit}}' >"$out/all.json"
cat "$out/all.json"
[[ -z $json ]] || cp "$out/all.json" "$json"
