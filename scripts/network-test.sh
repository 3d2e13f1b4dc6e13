#!/usr/bin/env bash
# Four validators and their clients on machines of their own (network namespaces), through crashes, cuts, equivocation, a
# runtime upgrade and load. Prints its figures as JSON and as a table; docs/network.md shows a run.
#
#   scripts/network-test.sh                      the whole story, some 20 minutes with everything built
#   scripts/network-test.sh --json FILE          writes the figures to a file too
#   scripts/network-test.sh --load-seconds N     length of each measurement; 24 unless told, 0 leaves them out
#   scripts/network-test.sh --steps A,B,...      only these, after those that all need: finalise, traffic. There are also
#                                                upgrade, crash, partition, warp, pruned, worker, load, equivocation,
#                                                and, only when asked for, standstill (needs upgrade; 14 minutes)
#   scripts/network-test.sh --spec FILE          begins with another chain than the last release's (raw specification)
#   scripts/network-test.sh --upgrade-to NODE    upgrades to the runtime inside another node than this tree's
#   scripts/network-test.sh --loopback           loopback addresses instead of namespaces; steps that cut then fail
#   scripts/network-test.sh --no-build           takes programs as they are
#
# Needs root or user namespaces for the steps that cut. Ends with 0 when all went well and 1 when not: logs and data are
# kept then, and the last lines say where. However it ends, no process, address or namespace stays.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build=yes
arguments=()
while (($#)); do
	case $1 in
	-h | --help)
		show_help
		exit 0
		;;
	--no-build)
		build=no
		shift
		;;
	--loopback)
		arguments+=("$1")
		shift
		;;
	--json | --load-seconds | --steps | --spec | --upgrade-to)
		[[ $# -ge 2 ]] || die "$1 needs a value; scripts/network-test.sh --help shows how" 64
		arguments+=("$1" "$2")
		shift 2
		;;
	*) die "unknown argument '$1'; scripts/network-test.sh --help lists them" 64 ;;
	esac
done

if [[ $build == yes ]]; then steps 2; else steps 1; fi
if [[ $build == yes ]]; then
	step "Building"
	"$TRIBUTARY_ROOT/scripts/setup.sh"
	load_env
	build_chain
	build_worker
fi
for program in "$NODE" "$WORKER" "$CLI"; do
	[[ -x $program ]] || die "there is no $program: run without --no-build"
done
polkadot_js
step "The network's story"
# In the place of this shell, so that a signal to it ends everything.
exec python3 -B "$TRIBUTARY_ROOT/tests/network/network.py" \
	--node "$NODE" --worker "$WORKER" --cli "$CLI" --modules "$TRIBUTARY_CACHE/e2e" "${arguments[@]}"
