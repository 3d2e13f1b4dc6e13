#!/usr/bin/env bash
# The whole loop on one machine: a chain, a worker with a real language model, public and private DataNets of real
# text, adapters, a recipe, an MCP tool, agents, questions through the OpenAI client, and everyone's money counted.
#
#   scripts/demo.sh                  builds what is missing and runs it
#   scripts/demo.sh --json FILE      writes the result as data too
#   scripts/demo.sh --work FOLDER    keeps chain, store and logs in FOLDER
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

arguments=()
while (($#)); do
	case $1 in
	--json | --work)
		[[ $# -ge 2 ]] || die "$1 needs a value; scripts/demo.sh --help shows how" 64
		arguments+=("$1" "$(realpath -m "$2")")
		shift 2
		;;
	-h | --help)
		show_help
		exit 0
		;;
	*) die "unknown argument '$1'; scripts/demo.sh --help lists them" 64 ;;
	esac
done

steps 6
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh"
load_env

step "Building the node (the first time: up to half an hour)"
build_chain

step "Building the worker and the command line (the first time: up to a quarter of an hour)"
build_worker

step "Texts from Debian's documentation packages"
corpus=$TRIBUTARY_CACHE/corpus
"$TRIBUTARY_ROOT/scripts/corpus.sh" "$corpus" git postgresql debian

step "The OpenAI client and an MCP server, from PyPI"
openai_client
mcp_servers

step "The demo"
exec "$PYTHON" -B "$TRIBUTARY_ROOT/scripts/demo/demo.py" --node "$NODE" --worker "$WORKER" --cli "$CLI" \
	--model "$TRIBUTARY_ROOT/models/tributary-3m" --corpus "$corpus" --adapters "$TRIBUTARY_CACHE/adapters" "${arguments[@]}"
