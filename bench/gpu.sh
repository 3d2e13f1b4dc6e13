#!/usr/bin/env bash
# Decoding on this machine's GPU: tokens per second beside what the memory bandwidth allows, and how much is left when
# every stream has another adapter. Shape of Llama 3.1 8B, weights and adapters random and made in place.
#
#   bench/gpu.sh --bandwidth GB_PER_S          the GPU's memory bandwidth, as its maker states it
#   bench/gpu.sh --features cuda ...           builds for cuda (or vulkan); without it, the portable shaders
#   bench/gpu.sh --shape tiny --device flex --precision full    tries the way on a machine without a GPU
#
# What `tributary-bench gpu --help` lists may follow too: --precision, --adapters, --rank, --tokens, --runs, --json.
# 2,000 adapters of rank 8 stay on the card with --precision half --adapter-bytes 90000000000.
# Needs 20 GB of disk in $TRIBUTARY_CACHE for the shape 8b.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

features=()
arguments=()
while (($#)); do
	case $1 in
	--features)
		[[ $# -ge 2 ]] || die "--features needs cuda or vulkan; bench/gpu.sh --help shows how" 64
		features=(--features "tributary-worker/$2")
		shift 2
		;;
	-h | --help)
		show_help
		exit 0
		;;
	*)
		arguments+=("$1")
		shift
		;;
	esac
done

steps 3
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh"
load_env
step "Building"
build_worker "${features[@]}"
step "Model, adapters and measurement"
exec "$WORKER_TARGET/release/tributary-bench" gpu "$TRIBUTARY_CACHE/bench-gpu" "${arguments[@]}"
