#!/usr/bin/env bash
# Unpacks what scripts/backup.sh packed, on a machine where nothing of it is yet.
#
#   scripts/restore.sh validator FILE BASE [KEYS]
#   scripts/restore.sh worker FILE DATA [STORE]
#
# FILE - is standard input. Every file is checked against its sum first. What exists is never overwritten; an empty folder
# may be there, and keeps its owner and mode. Run it with sudo, or as the user that node or worker runs as. When root runs
# it, what it makes belongs to the owner and group of the nearest folder that was there before: make the base path first.
#
# The old validator must be off for good before the restored one starts: two with the same session keys sign different
# blocks, and that is slashed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# < 3 || $# > 4)); then
	usage "${1:-}"
fi
kind=$1 file=$2 to=$3 more=${4:-}
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" --no-same-owner --force-local -xf "$file" || die "$file is no backup: was it encrypted?"
[[ -f $work/KIND && -f $work/SHA256SUMS ]] || die "$file is no backup of scripts/backup.sh"
[[ $(cat "$work/KIND") == "tributary $kind 1" ]] || die "$file says '$(cat "$work/KIND")', which is no backup of a $kind"
(cd "$work" && sha256sum --quiet --strict -c SHA256SUMS >&2) || die "$file is damaged: use another one"
# A file that no sum vouches for was put there by somebody else.
[[ $(find "$work" -type f | wc -l) == $(($(wc -l <"$work/SHA256SUMS") + 1)) ]] || die "$file holds files that it does not list"

# What is moved from where to where, once it is certain that all of it can be; and what is made for it, with its owner.
sources=()
targets=()
made=()
owners=()
put() {
	local top=$2 above owns="run this with sudo, or as its owner"
	if [[ -d $1 && -d $2 ]]; then
		[[ -r $2 && -w $2 && -x $2 ]] || die "$2 may not be written: $owns"
		[[ -z $(find "$2/." -mindepth 1 -print -quit) ]] ||
			die "$2 exists and is not empty: a backup overwrites nothing; move it away first"
		# With the dot, a link to the folder is followed.
		top=$2/. above=$2
	else
		[[ ! -e $2 ]] || die "$2 exists: a backup overwrites nothing; move it away first"
		above=$(dirname "$top")
		until [[ -e $above ]]; do
			top=$above
			above=$(dirname "$top")
		done
		[[ -w $above && -x $above ]] || die "$above may not be written: $owns"
	fi
	sources+=("$1")
	targets+=("$2")
	made+=("$top")
	owners+=("$(stat -L -c %u:%g "$above")")
}

case $kind in
validator)
	if [[ -d $work/keys ]]; then
		[[ -n $more ]] || die "this backup is of a folder of keys: say where it goes, as the last argument"
		put "$work/keys" "$more"
	else
		for chain in "$work"/chains/*/; do
			name=$(basename "$chain")
			for part in keystore network/secret_ed25519; do
				[[ ! -e $chain$part ]] || put "$chain$part" "$to/chains/$name/$part"
			done
		done
	fi
	;;
worker)
	put "$work/records.redb" "$to/records.redb"
	if [[ -d $work/store ]]; then
		[[ -n $more ]] || die "this backup has a content store: say where it goes, as the last argument"
		put "$work/store" "$more"
	fi
	;;
*) die "'$kind' is neither validator nor worker; scripts/restore.sh --help says more" 64 ;;
esac
((${#sources[@]} > 0)) || die "$file holds nothing to restore"
told=
for index in "${!sources[@]}"; do
	target=${targets[index]} top=${made[index]} owner=${owners[index]}
	if [[ -d $target ]]; then
		find "${sources[index]}" -mindepth 1 -maxdepth 1 -exec mv -t "$target" -- {} +
	else
		mkdir -p "$(dirname "$target")"
		mv "${sources[index]}" "$target"
	fi
	say "$target"
	((EUID == 0)) || continue
	chown -hR "$owner" "$top"
	# Two parts may be below one new folder.
	[[ $owner == 0:* && $told != "$top" ]] || continue
	told=$top
	say "it is root's: give it to the user that the ${kind/validator/node} runs as, with chown -R USER: ${top%/.}"
done
