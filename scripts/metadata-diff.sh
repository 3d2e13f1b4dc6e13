#!/usr/bin/env bash
# Compares what clients know of the built node's runtime with the last release: pallets, calls, events, errors, stored
# items, constants, view functions, extensions, runtime APIs and types. Prints what was removed, changed and added, and ends with 1 when something
# differs and `spec_version` does not, when signed transactions differ and `transaction_version` does not, or when
# something was removed or changed that accepted-changes.txt beside the summary does not list.
#
#   scripts/metadata-diff.sh                 against the newest folder of chain-specs/releases
#   scripts/metadata-diff.sh FILE            against another summary
#   scripts/metadata-diff.sh --accept        writes the list, after you have read what breaks and told it in CHANGELOG.md
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

file=
what=compare
while (($# > 0)); do
	case $1 in
	-h | --help) show_help; exit 0 ;;
	--accept) what=accept ;;
	-*) die "unknown argument '$1'; scripts/metadata-diff.sh --help lists them" 64 ;;
	*) file=$1 ;;
	esac
	shift
done
if [[ -z $file ]]; then
	file=$(find "$TRIBUTARY_ROOT/chain-specs/releases" -name metadata.json | sort --version-sort | tail -n 1)
	[[ -n $file ]] || die "no release is kept in chain-specs/releases: name a summary"
fi
file=$(realpath "$file")
build_chain
polkadot_js
cd "$TRIBUTARY_CACHE/e2e"
TRIBUTARY_NODE_BIN=$NODE exec node src/metadata-diff.js "$what" "$file" "$(dirname "$file")/accepted-changes.txt"
