#!/usr/bin/env bash
# Measures what each call of this project's pallets and each transaction extension costs, and writes the weights
# into runtime/src/weights/. Builds what is missing. A pallet that was measured with the same runtime is not
# measured again: run it anew after an interruption. Of equal samples the fastest counts, from all runs with the same
# runtime: what else the machine had to do makes a sample slower, never faster.
#
#   scripts/benchmark-weights.sh                      all of them
#   scripts/benchmark-weights.sh pallet_workers ...   these
#   scripts/benchmark-weights.sh --again ...          measure once more: the more runs, the nearer to a quiet machine
#   scripts/benchmark-weights.sh --check              only: every benchmark runs, and every one has a weight
#
#   TRIBUTARY_WEIGHTS_STEPS     samples for each list length (20)
#   TRIBUTARY_WEIGHTS_REPEAT    least repetitions of each sample (10)
#   TRIBUTARY_WEIGHTS_SECONDS   least seconds for each call (3)
#   TRIBUTARY_WEIGHTS_RUNTIME   a runtime with benchmarks, instead of building one
#
# The machine should have nothing else to do.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BENCHER_VERSION=0.28.0
TOOLS=$TRIBUTARY_CACHE/tools
BENCHER=$TOOLS/bin/frame-omni-bencher
TARGET=$TRIBUTARY_CACHE/weights
WEIGHTS=$TRIBUTARY_ROOT/runtime/src/weights
STEPS=${TRIBUTARY_WEIGHTS_STEPS:-20}
REPEAT=${TRIBUTARY_WEIGHTS_REPEAT:-10}
SECONDS_EACH=${TRIBUTARY_WEIGHTS_SECONDS:-3}

check=no
again=no
wanted=()
while (($#)); do
	case $1 in
	--check) check=yes ;;
	--again) again=yes ;;
	-h | --help)
		show_help
		exit 0
		;;
	-*) die "unknown argument '$1'; scripts/benchmark-weights.sh --help lists them" 64 ;;
	*) wanted+=("$1") ;;
	esac
	shift
done

# install_bencher: frame-omni-bencher from crates.io, outside the workspace.
install_bencher() {
	if [[ $("$BENCHER" --version 2>/dev/null) == *" $BENCHER_VERSION" ]]; then
		say "frame-omni-bencher $BENCHER_VERSION is there"
		return
	fi
	local work=$TRIBUTARY_CACHE/bencher source
	mkdir -p "$work/fetch/src"
	# Cargo downloads the sources of what a package depends on; a program it then finds no library in is no error.
	printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n%s\n\n[workspace]\n' \
		"frame-omni-bencher = \"=$BENCHER_VERSION\"" >"$work/fetch/Cargo.toml"
	: >"$work/fetch/src/lib.rs"
	say "fetching frame-omni-bencher $BENCHER_VERSION"
	(cd "$work/fetch" && cargo fetch) >"$TRIBUTARY_CACHE/log/bencher-fetch.log" 2>&1 || {
		tail -n 20 "$TRIBUTARY_CACHE/log/bencher-fetch.log" >&2
		die "frame-omni-bencher could not be fetched: see above and $TRIBUTARY_CACHE/log/bencher-fetch.log"
	}
	source=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -maxdepth 2 -name "frame-omni-bencher-$BENCHER_VERSION" | head -n 1)
	[[ -n $source ]] || die "cargo fetched no source of frame-omni-bencher: see $TRIBUTARY_CACHE/log/bencher-fetch.log"
	# Without RocksDB, which it does not use here: that database alone takes a C++ compiler, libclang and half of
	# the time to build. Tests and what only they need are left out.
	rm -rf "$work/source"
	cp -r "$source" "$work/source"
	sed -e '/^\[dependencies\.sc-cli\]/,/^$/s/^default-features = true/default-features = false/' \
		-e '/^\[\[test\]\]/,/^$/d' -e '/^\[dev-dependencies/,/^$/d' "$source/Cargo.toml" >"$work/source/Cargo.toml"
	printf '\n[workspace]\n' >>"$work/source/Cargo.toml"
	cp "$TRIBUTARY_ROOT/rust-toolchain.toml" "$work/source/"
	# Its lock file forgets what was left out, and keeps all other versions.
	(cd "$work/source" && cargo update --workspace) >>"$TRIBUTARY_CACHE/log/bencher-fetch.log" 2>&1 ||
		die "cargo cannot resolve frame-omni-bencher's dependencies: see $TRIBUTARY_CACHE/log/bencher-fetch.log"
	# Nor the runtime in it, which is for measuring storage.
	SKIP_WASM_BUILD=1 cargo_build "$work/source" "$work/target" install --path . --locked --root "$TOOLS"
}

bench() {
	"$BENCHER" v1 benchmark pallet --runtime "$RUNTIME" --genesis-builder runtime --disable-proof-recording "$@"
}

# bench_pallet PALLET ARGUMENTS...: all its benchmarks.
bench_pallet() {
	bench --pallet "$1" --extrinsic '*' --steps "$STEPS" --repeat "$REPEAT" --min-duration "$SECONDS_EACH" \
		--no-storage-info --quiet "${@:2}" >"$LOG" 2>&1 || {
		tail -n 25 "$LOG" >&2
		die "the benchmarks of $1 failed: see above and $LOG"
	}
}

# write_weights PALLET: from the fastest of equal samples that there are.
write_weights() {
	local fastest=$samples/.fastest.json
	jq -s '. as $runs | .[0] | map(.benchmark as $name | .time_results = (
		[$runs[][] | select(.benchmark == $name) | .time_results[]] | group_by(.components) | map(min_by(.extrinsic_time))
	))' "$samples/$1".*.json >"$fastest"
	rm -f "$samples/.weights.rs"
	bench_pallet "$1" --json-input "$fastest" --output-analysis median-slopes \
		--template "$TRIBUTARY_ROOT/scripts/weights.hbs" --output "$samples/.weights.rs"
	mv "$samples/.weights.rs" "$WEIGHTS/$1.rs"
}

steps 3
step "The program that measures"
install_bencher

step "A runtime with benchmarks"
if [[ -n ${TRIBUTARY_WEIGHTS_RUNTIME:-} ]]; then
	RUNTIME=$TRIBUTARY_WEIGHTS_RUNTIME
else
	cargo_build "$TRIBUTARY_ROOT" "$TARGET" build --release --locked -p tributary-runtime --features runtime-benchmarks
	RUNTIME=$TARGET/release/wbuild/tributary-runtime/tributary_runtime.compact.compressed.wasm
fi
[[ -f $RUNTIME ]] || die "there is no runtime $RUNTIME: build one without SKIP_WASM_BUILD"
LOG=$TRIBUTARY_CACHE/log/weights.log
list=$(bench --list=all --no-csv-header 2>"$LOG") || {
	tail -n 25 "$LOG" >&2
	die "$RUNTIME has no benchmarks: build it with --features runtime-benchmarks"
}
# Lines of "pallet, benchmark".
list=$(tr -d ' ' <<<"$list" | grep -E '^[a-z_]+,[a-z_0-9]+$')
mapfile -t pallets < <(cut -d, -f1 <<<"$list" | sort -u)
for pallet in "${wanted[@]}"; do
	[[ " ${pallets[*]} " == *" $pallet "* ]] || die "unknown pallet '$pallet'; the runtime has: ${pallets[*]}" 64
done
[[ ${#wanted[@]} -eq 0 ]] || pallets=("${wanted[@]}")

if [[ $check == yes ]]; then
	step "Every benchmark runs, and every one has a weight"
	missing=0
	for pallet in "${pallets[@]}"; do
		while IFS=, read -r _ name; do
			if ! grep -q "fn $name(" "$WEIGHTS/$pallet.rs" 2>/dev/null; then
				say "$pallet has no weight for '$name'"
				missing=$((missing + 1))
			fi
		done < <(grep "^$pallet," <<<"$list")
		STEPS=2 REPEAT=1 SECONDS_EACH=0 bench_pallet "$pallet"
		say "$pallet: $(grep -c "^$pallet," <<<"$list") benchmarks run"
	done
	((missing == 0)) || die "$missing weights are missing: run scripts/benchmark-weights.sh"
	exit 0
fi

step "Measuring"
samples=$TARGET/samples/$(sha256sum "$RUNTIME" | cut -c1-16)-$STEPS
mkdir -p "$samples"
shopt -s nullglob
for pallet in "${pallets[@]}"; do
	runs=("$samples/$pallet".*.json)
	if [[ $again == yes || ${#runs[@]} -eq 0 ]]; then
		say "$pallet: $(grep -c "^$pallet," <<<"$list") benchmarks ($(duration "$SECONDS") after start)"
		bench_pallet "$pallet" --json-file "$samples/.run.json"
		mv "$samples/.run.json" "$samples/$pallet.$((${#runs[@]} + 1)).json"
	else
		say "$pallet: measured before, in ${#runs[@]} runs"
	fi
	write_weights "$pallet"
done
say "written to runtime/src/weights; 'git diff' shows what changed"
