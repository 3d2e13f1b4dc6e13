#!/usr/bin/env bash
# Makes a fresh Debian 12 machine with rustup's Rust ready to build Tributary. Run it as often as you
# like: what is there already is left alone.
#
#   scripts/setup.sh                     build tools, wasm target, Python, Node.js
#   scripts/setup.sh --docker-compose    and Debian's docker-compose
#   scripts/setup.sh --software-vulkan   and a Vulkan driver without a GPU, to test kernels on
#   scripts/setup.sh --no-clients        without Python and Node.js (images)
#
# It installs Debian packages, a Rust target or a linked toolchain, and writes what it found out to
# $TRIBUTARY_CACHE/env.sh, which scripts/lib.sh reads. It changes no configuration of cargo.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WASM_TARGET=wasm32v1-none
# How long rustup may try to download a target or toolchain.
RUSTUP_SECONDS=${TRIBUTARY_RUSTUP_SECONDS:-180}

compose=no
vulkan=no
clients=yes
for argument in "$@"; do
	case $argument in
	--docker-compose) compose=yes ;;
	--software-vulkan) vulkan=yes ;;
	--no-clients) clients=no ;;
	-h | --help)
		show_help
		exit 0
		;;
	*) die "unknown argument '$argument'; scripts/setup.sh --help lists them" 64 ;;
	esac
done

# install PACKAGES...: those that are not installed yet.
install() {
	local package missing=()
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	if ((${#missing[@]} == 0)); then
		say "all there: $*"
		return
	fi
	command -v apt-get >/dev/null ||
		die "this script knows Debian only; install the like of these packages by hand: ${missing[*]}"
	say "installing ${missing[*]}"
	local log=$TRIBUTARY_CACHE/log/apt.log
	{
		[[ -n ${_UPDATED:-} ]] || as_root apt-get -q update
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
	} >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "apt-get could not install ${missing[*]}: see above and $log"
	}
	_UPDATED=yes
}

# has_target [TOOLCHAIN]: whether the toolchain (default: the checkout's) compiles for the target and links
# with LTO, as the runtime's build does.
has_target() {
	local work=$TRIBUTARY_CACHE/wasm-check
	mkdir -p "$work"
	printf '#![no_std]\nextern crate alloc;\npub use alloc::vec::Vec;\n%s\n%s\n' \
		'#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }' \
		'#[unsafe(no_mangle)] pub extern "C" fn digits(n: u32) -> u32 { n.checked_ilog10().unwrap_or(0) }' \
		>"$work/check.rs"
	# An allocator that never allocates: it is never run.
	cat >>"$work/check.rs" <<-'END'
		struct Never;
		unsafe impl core::alloc::GlobalAlloc for Never {
			unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 { core::ptr::null_mut() }
			unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
		}
		#[global_allocator] static NEVER: Never = Never;
	END
	(cd "$TRIBUTARY_ROOT" && rustc ${1:+"+$1"} --edition 2024 --target "$WASM_TARGET" --crate-type cdylib \
		-C lto=fat -o "$work/check.wasm" "$work/check.rs") >"$TRIBUTARY_CACHE/log/wasm-check.log" 2>&1
}

# Builds core and alloc for the target with Debian's compiler and puts them where it looks for them.
add_debian_target() {
	local llvm work lib name
	install rustc-web cargo-web rust-web-src rust-web-llvm
	# lld has to be of the LLVM that the compiler was built with.
	llvm=$(apt-cache depends rust-web-llvm | sed -n 's/.*Depends: llvm-\([0-9]\+\)$/\1/p' | head -n 1)
	[[ -n $llvm ]] || die "cannot tell which LLVM rust-web-llvm needs; 'apt-cache depends rust-web-llvm' should say"
	install "lld-$llvm"
	rustup toolchain link debian /usr
	if has_target debian; then
		say "Debian's toolchain has $WASM_TARGET already"
		return
	fi
	say "building core and alloc for $WASM_TARGET (about half a minute)"
	work=$TRIBUTARY_CACHE/wasm-core
	rm -rf "$work"
	mkdir -p "$work/src"
	printf '[package]\nname = "wasm-core"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n' >"$work/Cargo.toml"
	printf '#![no_std]\nextern crate alloc;\n' >"$work/src/lib.rs"
	# The wasm builder links with LTO, for which the libraries need bitcode.
	(
		cd "$work" && env -u CARGO_BUILD_TARGET RUSTFLAGS=-Cembed-bitcode=yes RUSTC_BOOTSTRAP=1 \
			CARGO_TARGET_DIR="$work/target" \
			cargo +debian build --release --target "$WASM_TARGET" -Z build-std=core,alloc
	) >"$TRIBUTARY_CACHE/log/wasm-core.log" 2>&1 || {
		tail -n 20 "$TRIBUTARY_CACHE/log/wasm-core.log" >&2
		die "core does not build: see above and $TRIBUTARY_CACHE/log/wasm-core.log"
	}
	lib=/usr/lib/rustlib/$WASM_TARGET/lib
	as_root mkdir -p "$lib"
	for name in core alloc compiler_builtins; do
		# Two of a kind would be one too many for rustc.
		as_root rm -f "$lib/lib$name"-*.rlib
		as_root cp "$work/target/$WASM_TARGET/release/deps/lib$name"-*.rlib "$lib/"
	done
	has_target debian || die "Debian's toolchain still lacks $WASM_TARGET after building it: see $lib"
}

count=3
[[ $clients == no ]] || count=$((count + 1))
[[ $compose == no ]] || count=$((count + 1))
[[ $vulkan == no ]] || count=$((count + 1))
steps "$count"

step "Debian packages to build with"
install build-essential ca-certificates curl git jq libssl-dev pkg-config protobuf-compiler

step "Rust"
command -v rustup >/dev/null || die "rustup is missing: install it from https://rustup.rs, then run this again"
# In the checkout, rust-toolchain.toml names the version; the first rustc call installs it.
if ! (cd "$TRIBUTARY_ROOT" && timeout "$RUSTUP_SECONDS" rustc --version >/dev/null 2>&1); then
	die "rustup could not install the toolchain that rust-toolchain.toml names; 'rustc --version' in $TRIBUTARY_ROOT says why"
fi
say "$(cd "$TRIBUTARY_ROOT" && rustc --version)"

step "Rust target $WASM_TARGET, for the runtime"
environment="# Written by scripts/setup.sh."$'\n'
# What the last run chose, or the caller did, stays: another compiler would build the runtime anew.
if [[ -n ${WASM_BUILD_TOOLCHAIN:-} ]] && has_target "$WASM_BUILD_TOOLCHAIN"; then
	say "there already, in the toolchain '$WASM_BUILD_TOOLCHAIN' that WASM_BUILD_TOOLCHAIN names"
	environment+="export WASM_BUILD_TOOLCHAIN=$WASM_BUILD_TOOLCHAIN"$'\n'
elif has_target ""; then
	say "there already"
elif has_target debian; then
	say "there already, in Debian's toolchain"
	environment+="export WASM_BUILD_TOOLCHAIN=debian"$'\n'
else
	say "asking rustup (at most $RUSTUP_SECONDS s)"
	if (cd "$TRIBUTARY_ROOT" && timeout "$RUSTUP_SECONDS" rustup target add "$WASM_TARGET") \
		>"$TRIBUTARY_CACHE/log/rustup.log" 2>&1 && has_target ""; then
		say "rustup installed it"
	else
		say "rustup could not (log: $TRIBUTARY_CACHE/log/rustup.log); taking Debian's compiler for the runtime instead"
		add_debian_target
		environment+="export WASM_BUILD_TOOLCHAIN=debian"$'\n'
	fi
fi
printf '%s' "$environment" >"$TRIBUTARY_CACHE/env.sh"

if [[ $clients == yes ]]; then
	step "Python and Node.js, for the demo and the client tests"
	install python3 python3-venv
	if command -v node >/dev/null && command -v npm >/dev/null; then
		say "Node.js $(node --version) is there"
	else
		install nodejs npm
	fi
fi

if [[ $compose == yes ]]; then
	step "docker-compose"
	install docker-compose
fi

if [[ $vulkan == yes ]]; then
	step "A software Vulkan driver"
	(install libvulkan1 mesa-vulkan-drivers) || say "none: the kernels for GPUs stay untested here"
fi

say "ready; what was built and downloaded is in $TRIBUTARY_CACHE"
