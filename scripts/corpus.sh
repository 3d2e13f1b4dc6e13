#!/usr/bin/env bash
# Fetches documentation packages from the configured Debian mirror and turns them into plain text:
# one folder per domain (the demo's DataNets), held-out files beside them, and base/ for training
# the base model. The same package versions give the same bytes.
#
#   scripts/corpus.sh OUT_DIR            all domains and base/
#   scripts/corpus.sh OUT_DIR git base   only these
set -euo pipefail

usage() {
	echo "usage: scripts/corpus.sh OUT_DIR [git|postgresql|debian|python|base]..." >&2
	exit 64
}
[[ $# -ge 1 && $1 != -* ]] || usage
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$1
shift
domains=("$@")
[[ ${#domains[@]} -gt 0 ]] || domains=(git postgresql debian python base)

# domain: packages
declare -A packages=(
	[git]="git-doc"
	[postgresql]="postgresql-doc-15"
	[debian]="debian-reference-en"
	[python]="python3.11-doc"
	[base]="apache2-doc debian-handbook debian-policy developers-reference exim4-doc-html python-django-doc sqlite3-doc"
)

for tool in apt-get dpkg-deb dpkg python3; do
	command -v "$tool" >/dev/null || {
		echo "corpus: $tool is missing; this script needs Debian 12 with python3 (apt-get install python3)" >&2
		exit 69
	}
done

mkdir -p "$out/.packages"
store=$(cd "$out/.packages" && pwd)
log=$store/download.log

# Downloads one package once; an interrupted download leaves nothing behind.
fetch() {
	local package=$1 part
	compgen -G "$store/${package}_*.deb" >/dev/null && return 0
	echo "corpus: downloading $package"
	part=$(mktemp -d "$store/part.XXXXXX")
	if ! (cd "$part" && apt-get -q download "$package") >"$log" 2>&1; then
		rm -rf "$part"
		cat "$log" >&2
		echo "corpus: could not download $package; run 'apt-get update' as root and check the network" >&2
		exit 69
	fi
	mv "$part/"*.deb "$store/"
	rm -rf "$part"
}

for domain in "${domains[@]}"; do
	[[ -n ${packages[$domain]:-} ]] || usage
	roots=()
	# SOURCE is written last: it is newer than everything it was made from.
	fresh=$out/$domain/SOURCE
	[[ $fresh -nt $here/corpus.py ]] || fresh=
	for package in ${packages[$domain]}; do
		fetch "$package"
		deb=$(compgen -G "$store/${package}_*.deb" | head -n 1)
		root=$store/$package
		if [[ ! -e $root/.complete ]]; then
			rm -rf "$root"
			mkdir "$root"
			dpkg -x "$deb" "$root"
			dpkg-deb -f "$deb" Version >"$root/.version"
			touch "$root/.complete"
		fi
		[[ $fresh -nt $root/.complete ]] || fresh=
		roots+=("$root")
	done
	[[ -z $fresh ]] || continue
	python3 "$here/corpus.py" "$domain" "$out" "${roots[@]}"
done
