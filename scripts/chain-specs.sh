#!/usr/bin/env bash
# Writes chain-specs/: plain and raw JSON of the development and local chains, from the built node.
#
#   scripts/chain-specs.sh [FOLDER]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-*)
	usage "$1"
	;;
esac
folder=${1:-$TRIBUTARY_ROOT/chain-specs}
# Larger files do not belong into a repository.
most=$((6 * 1024 * 1024))

[[ -x $NODE ]] || die "there is no node at $NODE: build it first, scripts/demo.sh and scripts/test.sh do"
mkdir -p "$folder"
for chain in development local; do
	for form in plain raw; do
		file=$folder/$chain-$form.json
		"$NODE" export-chain-spec --chain "$chain" $([[ $form == plain ]] || echo --raw) >"$file.part" \
			2>"$TRIBUTARY_CACHE/log/chain-spec.log" ||
			die "the node could not export $chain ($form): see $TRIBUTARY_CACHE/log/chain-spec.log"
		jq -e '.id and .name and .genesis' "$file.part" >/dev/null || die "$file.part is no chain specification"
		size=$(stat -c %s "$file.part")
		((size < most)) || die "$file.part has $size bytes, more than $most: make the runtime smaller"
		mv "$file.part" "$file"
		say "$file: $size bytes"
	done
done
