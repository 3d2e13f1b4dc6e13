#!/usr/bin/env bash
# Packs what a machine cannot make again, as a tar file that scripts/restore.sh unpacks and checks.
#
#   scripts/backup.sh validator BASE FILE [KEYS]   session keys and node key below the node's base path; with KEYS, the
#                                                  folder that --keystore-path and --node-key-file are in, that one
#   scripts/backup.sh worker DATA FILE [STORE]     records of the worker, and the folder of its content store
#
# FILE - is standard output: `sudo scripts/backup.sh validator BASE - | age -p > validator.tar.age`. The file is not
# encrypted otherwise, and a validator's is its identity. A validator may run meanwhile, a worker must not. Blocks,
# indexes and fetched content are left out: they come back by themselves. Run it with sudo, or as the user that node or
# worker runs as: nobody else may read the folders.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# < 3 || $# > 4)); then
	usage "${1:-}"
fi
kind=$1 from=$2 file=$3 more=${4:-}

# folder PATH: ends the script unless it is a folder that the caller may read. What is hidden looks as if it were not there.
folder() {
	local above=$1 hidden="may not be read: run this with sudo, or as the user that the ${kind/validator/node} runs as"
	until [[ -e $above ]]; do
		above=$(dirname "$above")
	done
	[[ ! -d $above || -x $above ]] || die "$above $hidden"
	[[ -d $1 ]] || die "there is no folder $1"
	[[ -r $1 && -x $1 ]] || die "$1 $hidden"
}

folder "$from"
[[ -z $more ]] || folder "$more"
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packed=$work/packed
mkdir "$packed"

case $kind in
validator)
	if [[ -n $more ]]; then
		# With the dot, a link to the folder is followed.
		cp -rL "$more/." "$packed/keys" || die "$more could not be copied: see above; with sudo all of it may be read"
	else
		for part in "$from/chains" "$from"/chains/*/{,keystore,network}; do
			[[ ! -e $part ]] || folder "$part"
		done
		for chain in "$from"/chains/*/; do
			chain=${chain%/}
			for part in keystore network/secret_ed25519; do
				[[ -e $chain/$part ]] || continue
				mkdir -p "$packed/chains/$(basename "$chain")/$(dirname "$part")"
				cp -rL "$chain/$part" "$packed/chains/$(basename "$chain")/$part" ||
					die "$chain/$part could not be copied: see above; with sudo all of it may be read"
			done
		done
	fi
	[[ -n $(find "$packed" -type f -print -quit) ]] || die "$from holds neither session keys nor a node key: is it the base path?"
	[[ -n $(find "$packed" -path '*/keystore/*' -type f -print -quit) ]] ||
		die "${more:-$from} holds a node key and no session keys: with --keystore-path, name the folder that has it and the node key as KEYS"
	;;
worker)
	[[ -f $from/records.redb ]] || die "$from holds no records.redb: is it what \`data\` in worker.toml names?"
	# The lock is the worker's own: a copy of a database that is being written is none.
	flock --nonblock "$from/records.redb" cp "$from/records.redb" "$packed/records.redb" ||
		die "the worker runs, or the disk is full: stop it first, and nothing is lost meanwhile"
	[[ -z $more ]] || cp -r "$more/." "$packed/store"
	;;
*) die "'$kind' is neither validator nor worker; scripts/backup.sh --help says more" 64 ;;
esac

printf 'tributary %s 1\n' "$kind" >"$work/packed/KIND"
(cd "$packed" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
# A colon in a name, as times have, would be another machine's to tar.
pack() { tar -C "$packed" --numeric-owner --force-local -cf "$1" .; }
if [[ $file == - ]]; then
	pack -
else
	if ! pack "$file.part" || ! mv "$file.part" "$file"; then
		rm -f "$file.part"
		die "$file could not be written: see above"
	fi
fi
say "$(($(wc -l <"$packed/SHA256SUMS") - 1)) files$([[ $file == - ]] || echo " in $file, $(stat -c %s "$file") bytes")"
