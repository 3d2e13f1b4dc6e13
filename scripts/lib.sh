#!/usr/bin/env bash
# What the scripts share: folders, messages, builds, waiting, cleaning up. Source it:
#   source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# Everything built or downloaded goes to $TRIBUTARY_CACHE (default ~/.cache/tributary), nothing to the
# checkout.

# A failing build must not hide behind its progress report.
set -o pipefail

TRIBUTARY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TRIBUTARY_CACHE=${TRIBUTARY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tributary}
# The two workspaces' target folders.
CHAIN_TARGET=$TRIBUTARY_CACHE/chain
WORKER_TARGET=$TRIBUTARY_CACHE/worker
# What they make.
NODE=$CHAIN_TARGET/release/tributary-node
WORKER=$WORKER_TARGET/release/tributary-worker
CLI=$WORKER_TARGET/release/tributary
export TRIBUTARY_ROOT TRIBUTARY_CACHE CHAIN_TARGET WORKER_TARGET NODE WORKER CLI
mkdir -p "$TRIBUTARY_CACHE/log"

# rustup's programs are not on the path of every shell.
if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
	PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
fi

# What setup.sh found out about this machine, for example WASM_BUILD_TOOLCHAIN.
load_env() {
	if [[ -f $TRIBUTARY_CACHE/env.sh ]]; then
		# shellcheck source=/dev/null
		source "$TRIBUTARY_CACHE/env.sh"
	fi
}
load_env

_STEP=0
_STEPS=0

# steps N: announces how many steps follow.
steps() {
	_STEP=0
	_STEPS=$1
}

# step TEXT: starts the next step and says how far the script is.
step() {
	_STEP=$((_STEP + 1))
	if ((_STEPS > 0)); then
		printf '\n==> [%d/%d] %s (%s after start)\n' "$_STEP" "$_STEPS" "$*" "$(duration "$SECONDS")" >&2
	else
		printf '\n==> %s\n' "$*" >&2
	fi
}

# say TEXT: one line about the current step.
say() {
	printf '    %s\n' "$*" >&2
}

# show_help: prints the comment at the head of the script that runs.
show_help() {
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

# usage ARGUMENT: shows the help, and ends the script: well when ARGUMENT asked for help.
usage() {
	show_help
	[[ $1 == -h || $1 == --help ]] && exit 0 || exit 64
}

# die TEXT [CODE]: says what is wrong and what to do, and ends the script.
die() {
	printf '\nerror: %s\n' "$1" >&2
	exit "${2:-1}"
}

# duration SECONDS: as a person writes it.
duration() {
	printf '%d:%02d min' $(($1 / 60)) $(($1 % 60))
}

# as_root COMMAND...: with sudo, unless we are root already.
as_root() {
	if ((EUID == 0)); then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$*' needs root, and there is no sudo: run scripts/setup.sh once as root"
	fi
}

# own_target TARGET: marks it as this checkout's. Tests that read files remember the folder they were built in, and cargo
# does not see that sources which did not change are in another one now.
own_target() {
	local mark=$1/.checkout
	mkdir -p "$1"
	if [[ -f $mark && $(<"$mark") != "$TRIBUTARY_ROOT" ]]; then
		grep -rlZ --include='*.rs' 'env!("CARGO_MANIFEST_DIR")' "$TRIBUTARY_ROOT" | xargs -0 touch
	fi
	echo "$TRIBUTARY_ROOT" >"$mark"
}

# cargo_build FOLDER TARGET ARGUMENTS...: runs cargo in the workspace FOLDER with the target folder TARGET;
# every 20 seconds one line says how far it is. The whole output is in a log, and shown if it fails.
cargo_build() {
	local folder=$1 target=$2 log name rc=0
	shift 2
	name=$(basename "$target")
	log=$TRIBUTARY_CACHE/log/cargo-$name.log
	say "cargo $* (log: $log)"
	own_target "$target"
	(
		cd "$folder" &&
			CARGO_TARGET_DIR=$target CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=60 \
				CARGO_TERM_COLOR=never cargo "$@" 2>&1
	) | stdbuf -oL tr '\r' '\n' | tee "$log" | cargo_progress "$name" || rc=$?
	if ((rc != 0)); then
		grep -v -E '^ *(Building|Compiling|Checking|Fresh|Downloaded|Downloading) ' "$log" | tail -n 60 >&2
		die "cargo $* failed in $folder: see above and $log"
	fi
}

# Reads cargo's output, prints its progress bar now and then.
cargo_progress() {
	local line counts last=$SECONDS start=$SECONDS
	while IFS= read -r line; do
		if [[ $line =~ \]\ ([0-9]+/[0-9]+) ]] && ((SECONDS - last >= 20)); then
			counts=${BASH_REMATCH[1]}
			last=$SECONDS
			say "$1: $counts crates, $(duration $((SECONDS - start)))"
		fi
	done
}

# build_chain [ARGUMENTS...]: builds the node and what else is asked for. The package set is always the
# same, because another one would make cargo build the dependencies again with other features.
build_chain() {
	cargo_build "$TRIBUTARY_ROOT" "$CHAIN_TARGET" build --release --locked \
		-p tributary-node -p tributary-settlement "$@"
}

# build_worker [ARGUMENTS...]: builds the worker and the command line.
build_worker() {
	cargo_build "$TRIBUTARY_ROOT/inference-worker" "$WORKER_TARGET" build --release --locked \
		-p tributary-worker -p tributary-cli -p tributary-flows "$@"
}

# python_with MODULE REQUIREMENTS: a Python that has the module, from PyPI; its path is in PYTHON.
python_with() {
	local venv=$TRIBUTARY_CACHE/python
	PYTHON=$venv/bin/python
	if ! "$PYTHON" -c "import $1" 2>/dev/null; then
		python3 -m venv "$venv"
		"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$TRIBUTARY_ROOT/$2"
	fi
}

# openai_client: a Python with OpenAI's client; its path is in PYTHON.
openai_client() {
	python_with openai scripts/demo/requirements.txt
}

# mcp_servers: a Python with the official MCP SDK and a server made with it.
mcp_servers() {
	python_with mcp_server_time scripts/demo/tools-requirements.txt
}

# promtool: Prometheus' own checker, out of Debian's package, which is not installed because it would start a server.
# Its path is in PROMTOOL; empty when the package cannot be had.
promtool() {
	local work=$TRIBUTARY_CACHE/tools/prometheus
	PROMTOOL=$(type -P promtool) || PROMTOOL=$work/usr/bin/promtool
	if [[ ! -x $PROMTOOL ]]; then
		mkdir -p "$work"
		(cd "$work" && apt-get -q download prometheus &&
			dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm prometheus_*.deb) \
			>"$TRIBUTARY_CACHE/log/promtool.log" 2>&1 || PROMTOOL=
	fi
	[[ -n $PROMTOOL ]] || say "no promtool (log: $TRIBUTARY_CACHE/log/promtool.log): alerts are not evaluated"
	export PROMTOOL
}

# cargo_deny: builds cargo-deny from the registry, once (four minutes on two cores), and puts it on the path.
cargo_deny() {
	local version=0.20.2 tools=$TRIBUTARY_CACHE/tools
	PATH=$tools/bin:$PATH
	if [[ $(cargo deny --version 2>/dev/null) != "cargo-deny $version" ]]; then
		cargo_build "$TRIBUTARY_ROOT" "$tools/target" install cargo-deny --version "$version" --locked --root "$tools"
		rm -rf "$tools/target"
	fi
}

# polkadot_js: polkadot.js from npm, beside the flows through it; the folder of modules is in NODE_MODULES.
polkadot_js() {
	local work=$TRIBUTARY_CACHE/e2e
	NODE_MODULES=$work/node_modules
	mkdir -p "$work"
	# What is no longer in the checkout would be run and imported all the same.
	rm -rf "$work/src"
	cp -r "$TRIBUTARY_ROOT"/tests/e2e/{package.json,package-lock.json,src} "$work/"
	(cd "$work" && npm ci --no-audit --no-fund --loglevel=error)
}

# free_port: a TCP port of this machine that nobody uses now.
free_port() {
	PYTHONPATH=$TRIBUTARY_ROOT/scripts/demo python3 -B -c 'from processes import free_port; print(free_port())'
}

# wait_for_port PORT SECONDS NAME [PID LOG]: until something listens on the loopback port. Ends the script
# when that takes longer, or when the process PID is gone; shows the end of LOG then.
wait_for_port() {
	local port=$1 seconds=$2 name=$3 pid=${4:-} log=${5:-} end
	end=$((SECONDS + seconds))
	until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		if [[ -n $pid ]] && ! kill -0 "$pid" 2>/dev/null; then
			[[ -n $log ]] && tail -n 25 "$log" >&2
			die "$name stopped before it listened on port $port${log:+: see $log}"
		fi
		if ((SECONDS >= end)); then
			[[ -n $log ]] && tail -n 25 "$log" >&2
			die "$name does not listen on port $port after $seconds s${log:+: see $log}"
		fi
		sleep 0.2
	done
}

# rpc PORT METHOD [PARAMETERS]: one JSON-RPC call to a node; prints the result.
rpc() {
	curl -sS --fail --max-time 20 -H 'content-type: application/json' "http://127.0.0.1:$1" \
		-d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$2\",\"params\":${3:-[]}}" |
		jq 'if has("error") then ("rpc: " + (.error | tostring) | halt_error(1)) else .result end'
}

_CHILDREN=()

# start_process NAME LOG COMMAND...: runs it in the background, output to LOG; sets STARTED to its pid. It
# is stopped when the script ends, however it ends.
start_process() {
	local name=$1 log=$2
	shift 2
	if ((${#_CHILDREN[@]} == 0)); then
		trap stop_processes EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM
	fi
	"$@" >"$log" 2>&1 </dev/null &
	STARTED=$!
	_CHILDREN+=("$STARTED")
	say "$name is process $STARTED (log: $log)"
}

# stop_processes: ends what start_process started: politely, after 20 seconds by force.
stop_processes() {
	local pid end
	for pid in "${_CHILDREN[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	end=$((SECONDS + 20))
	for pid in "${_CHILDREN[@]}"; do
		while kill -0 "$pid" 2>/dev/null; do
			if ((SECONDS >= end)); then
				kill -9 "$pid" 2>/dev/null || true
			fi
			sleep 0.1
		done
		wait "$pid" 2>/dev/null || true
	done
	_CHILDREN=()
}
