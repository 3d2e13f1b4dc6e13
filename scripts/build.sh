#!/usr/bin/env bash
# Builds the programs: tributary-node, tributary-worker, and tributary, the command line.
#
#   scripts/build.sh             and says where they are
#   scripts/build.sh FOLDER      and installs them into FOLDER, for example /usr/local/bin
#
# It makes the machine ready first, as scripts/setup.sh does. Run it as yourself: what needs root is done with sudo. A
# running program keeps its old file until it starts again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-*)
	usage "$1"
	;;
esac
(($# <= 1)) || die "more than one folder is named; scripts/build.sh --help says more" 64
folder=${1:-}
installer=()
if [[ -n $folder ]]; then
	# Said before the build, which takes long.
	[[ -d $folder ]] || die "there is no folder $folder: make it first"
	if [[ ! -w $folder ]]; then
		command -v sudo >/dev/null || die "$folder may not be written, and there is no sudo: name another folder"
		installer=(as_root)
	fi
fi

steps $((${#folder} > 0 ? 4 : 3))
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh" --no-clients
load_env

step "Building the node"
build_chain

step "Building worker and command line"
build_worker

programs=("$NODE" "$WORKER" "$CLI")
if [[ -n $folder ]]; then
	step "Installing into $folder"
	"${installer[@]}" install -m 755 "${programs[@]}" "$folder/"
	programs=("${programs[@]##*/}")
	programs=("${programs[@]/#/${folder%/}/}")
fi
for program in "${programs[@]}"; do
	say "$program"
done
