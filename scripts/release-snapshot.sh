#!/usr/bin/env bash
# Keeps what a release leaves behind for the tests of later ones, in chain-specs/releases/VERSION/: the raw specification
# of a network with its runtime (network-raw.json), what clients know of that runtime (metadata.json), and the state of such
# a network after something of every kind was done on it (state.json). Run it once for each release, with the node of that
# release built. Takes some five minutes.
#
#   scripts/release-snapshot.sh VERSION            for example 0.1.0
#   scripts/release-snapshot.sh VERSION --again    writes specification and metadata even where they are
#
# state.json is {"block": {"number", "hash"}, "spec_version", "state": [["0x key", "0x value"], ...]}, sorted by key, one
# pair a line, without the runtime's code (:code), which is in the specification.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-h | --help)
	show_help
	exit 0
	;;
[0-9]*.[0-9]*.[0-9]*) version=$1 ;;
*) die "name the release, for example 0.1.0; scripts/release-snapshot.sh --help says more" 64 ;;
esac
again=()
case ${2:-} in
'') ;;
--again) again=(--again) ;;
*) die "unknown argument '$2'; scripts/release-snapshot.sh --help lists them" 64 ;;
esac
[[ -x $NODE ]] || die "there is no node at $NODE: build it first, scripts/demo.sh and scripts/test.sh do"
polkadot_js
folder=$TRIBUTARY_ROOT/chain-specs/releases/$version
# Specification and metadata are of one runtime: the node's, or that of the specification which is there and stays.
if [[ ! -e $folder/network-raw.json || ${#again[@]} -gt 0 ]]; then
	mkdir -p "$folder"
	(cd "$TRIBUTARY_CACHE/e2e" && TRIBUTARY_NODE_BIN=$NODE node src/metadata-diff.js write "$folder/metadata.json")
fi
exec python3 -B "$TRIBUTARY_ROOT/tests/network/release.py" --node "$NODE" --modules "$TRIBUTARY_CACHE/e2e" \
	"${again[@]}" "$folder"
