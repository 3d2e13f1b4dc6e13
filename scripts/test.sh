#!/usr/bin/env bash
# Every check of the project, on a machine that setup.sh makes ready first.
#
#   scripts/test.sh            all but the last five: three compile the SDK again, one needs GitHub, one takes 20 minutes
#   scripts/test.sh --all      all of it
#   scripts/test.sh chain      the chain's unit, property and runtime tests
#   scripts/test.sh worker     the tests of worker, client and command line
#   scripts/test.sh postgres   retrieval in a real PostgreSQL server with pgvector
#   scripts/test.sh gpu        the kernels for GPUs, on a software Vulkan driver
#   scripts/test.sh fuzz       the kept inputs of all fuzz targets, and new ones for a minute
#   scripts/test.sh metadata   what polkadot.js knows of the runtime, compared with the last release
#   scripts/test.sh e2e        flows through stock polkadot.js on a development node
#   scripts/test.sh openai     what OpenAI's client asks of a real worker
#   scripts/test.sh tools      real MCP servers, and a model that calls one for a payer
#   scripts/test.sh validator  session keys of validators, made and changed each way
#   scripts/test.sh private    a private DataNet from its first text to a revoked grant
#   scripts/test.sh provenance signed statements, verified by others' programs
#   scripts/test.sh recipe     a recipe from data to an agent, killed on the way
#   scripts/test.sh kill       the worker killed over and over while it serves
#   scripts/test.sh compose    docker-compose.yml is valid
#   scripts/test.sh deploy     the validator's compose file, systemd units, alerts, dashboards and backups
#   scripts/test.sh deny       licences, sources and banned crates of both workspaces
#   scripts/test.sh lints      clippy over everything: no warning, and in pallets and primitives nothing that can panic
#   scripts/test.sh try-runtime  the upgrade from the last release's state, with the stock pallets' checks too
#   scripts/test.sh benchmarks every call's and extension's benchmark runs in the runtime, and has a weight
#   scripts/test.sh advisories known defects of all dependencies; skipped where GitHub cannot be reached
#   scripts/test.sh network    four validators through crashes, cuts, an upgrade and load: scripts/network-test.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usual=(format chain worker postgres gpu e2e metadata openai tools validator private provenance recipe kill compose deploy fuzz deny)
all=("${usual[@]}" lints try-runtime benchmarks advisories network)
parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=("${usual[@]}")
[[ ${parts[*]} != --all ]] || parts=("${all[@]}")
for part in "${parts[@]}"; do
	[[ " ${all[*]} " == *" $part "* ]] || die "unknown part '$part'; scripts/test.sh takes any of: ${all[*]}" 64
done
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }

# tests FOLDER TARGET: compiles with progress, then runs, so that a failing test is not lost in a build log.
tests() {
	cargo_build "$1" "$2" test --release --locked --workspace --no-run
	(cd "$1" && CARGO_TARGET_DIR=$2 cargo test --release --locked --workspace --no-fail-fast)
}

steps $((${#parts[@]} + 1))
step "Setting the machine up"
"$TRIBUTARY_ROOT/scripts/setup.sh" $(if wanted compose || wanted deploy; then echo --docker-compose; fi) $(wanted gpu && echo --software-vulkan)
load_env

if wanted format; then
	step "Formatting"
	(cd "$TRIBUTARY_ROOT" && cargo fmt --all --check)
	(cd "$TRIBUTARY_ROOT/inference-worker" && cargo fmt --all --check)
fi
if wanted chain; then
	step "Tests of the chain"
	tests "$TRIBUTARY_ROOT" "$CHAIN_TARGET"
fi
if wanted worker; then
	step "Tests of worker, client and command line"
	tests "$TRIBUTARY_ROOT/inference-worker" "$WORKER_TARGET"
fi
if wanted fuzz; then
	step "Fuzzing"
	"$TRIBUTARY_ROOT/scripts/fuzz.sh" --seconds "${TRIBUTARY_FUZZ_SECONDS:-60}"
fi
if wanted metadata; then
	step "Metadata since the last release"
	"$TRIBUTARY_ROOT/scripts/metadata-diff.sh"
fi
if wanted try-runtime; then
	step "Upgrade from the last release, with every pallet's checks"
	# FRAME is compiled again for it, beside what is there.
	cargo_build "$TRIBUTARY_ROOT" "$CHAIN_TARGET" test --release --locked -p tributary-runtime --features try-runtime \
		--test runtime --no-run
	(cd "$TRIBUTARY_ROOT" && CARGO_TARGET_DIR=$CHAIN_TARGET cargo test --release --locked -p tributary-runtime \
		--features try-runtime --test runtime upgrade::)
fi
if wanted benchmarks; then
	step "Benchmarks of all calls and extensions"
	"$TRIBUTARY_ROOT/scripts/benchmark-weights.sh" --check
fi
if wanted postgres; then
	step "Retrieval in PostgreSQL"
	source "$TRIBUTARY_ROOT/scripts/postgres.sh"
	start_postgres
	say "$("$POSTGRES_PROGRAMS/bin/postgres" --version)"
	# The whole workspace is named, because another set of packages would build the dependencies again.
	(cd "$TRIBUTARY_ROOT/inference-worker" && TRIBUTARY_TEST_POSTGRES=$POSTGRES CARGO_TARGET_DIR=$WORKER_TARGET \
		cargo test --release --locked --workspace --test postgres -- --include-ignored)
	stop_postgres
fi
if wanted gpu; then
	step "Kernels for GPUs, on a software Vulkan driver"
	if compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null || compgen -G '/etc/vulkan/icd.d/*.json' >/dev/null; then
		# A process of their own and one at a time: such drivers may crash. The whole workspace is named, because
		# another set of packages would build the dependencies again.
		mkdir -p "$TRIBUTARY_CACHE/run"
		(cd "$TRIBUTARY_ROOT/inference-worker" && XDG_RUNTIME_DIR=$TRIBUTARY_CACHE/run \
			CARGO_TARGET_DIR=$WORKER_TARGET cargo test --release --locked --workspace --lib -- \
			--ignored --test-threads=1 ops::tests kernels_are_those_for_gpus)
	else
		say "skipped: no Vulkan driver is installed; scripts/setup.sh --software-vulkan says why"
	fi
fi
if wanted e2e; then
	step "Flows through polkadot.js"
	build_chain
	polkadot_js
	(cd "$TRIBUTARY_CACHE/e2e" && TRIBUTARY_NODE_BIN=$NODE TRIBUTARY_VECTORS=$TRIBUTARY_ROOT/primitives/vectors npm test)
fi
if wanted openai; then
	step "OpenAI's client and a real worker"
	build_chain
	build_worker
	openai_client
	"$PYTHON" -B "$TRIBUTARY_ROOT/tests/flows/openai_surface.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted tools; then
	step "MCP servers and a real worker"
	build_chain
	build_worker
	openai_client
	mcp_servers
	(cd "$TRIBUTARY_ROOT/inference-worker" && TRIBUTARY_PYTHON=$PYTHON CARGO_TARGET_DIR=$WORKER_TARGET \
		cargo test --release --locked --workspace --test real -- --ignored)
	"$PYTHON" -B "$TRIBUTARY_ROOT/tests/flows/tools.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted validator; then
	step "Session keys of validators, through polkadot.js and the command line"
	build_chain
	build_worker
	polkadot_js
	TRIBUTARY_NODE_MODULES=$NODE_MODULES python3 -B "$TRIBUTARY_ROOT/tests/flows/validator_keys.py" \
		--node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted private; then
	step "A private DataNet, its grants and its end"
	build_chain
	build_worker
	python3 -B "$TRIBUTARY_ROOT/tests/flows/private.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted provenance; then
	step "Provenance, verified by securesystemslib and polkadot.js"
	build_chain
	build_worker
	polkadot_js
	python_with securesystemslib tests/flows/verifiers/requirements.txt
	TRIBUTARY_NODE_MODULES=$NODE_MODULES \
		"$PYTHON" -B "$TRIBUTARY_ROOT/tests/flows/provenance.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted recipe; then
	step "A recipe from data to an agent"
	build_chain
	build_worker
	python3 -B "$TRIBUTARY_ROOT/tests/flows/recipe.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted kill; then
	step "The worker killed while it serves"
	build_chain
	build_worker
	python3 -B "$TRIBUTARY_ROOT/tests/flows/kill_worker.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted compose; then
	step "docker-compose.yml"
	(cd "$TRIBUTARY_ROOT" && docker-compose config --quiet && docker-compose --profile demo config --quiet)
fi
if wanted deploy; then
	step "What runs validators and workers, and what watches them"
	build_chain
	build_worker
	python_with yaml tests/deploy/requirements.txt
	promtool
	"$PYTHON" -B -m unittest discover --start-directory "$TRIBUTARY_ROOT/tests/deploy"
	python3 -B "$TRIBUTARY_ROOT/tests/flows/restore_worker.py" --node "$NODE" --worker "$WORKER" --cli "$CLI"
fi
if wanted lints; then
	step "Lints"
	for library in "$TRIBUTARY_ROOT"/{{pallets/*,primitives}/src/lib.rs,runtime/src/delays.rs}; do
		for lint in arithmetic_side_effects unwrap_used expect_used indexing_slicing panic unreachable; do
			grep -q "^		clippy::$lint,\?$" "$library" || die "$library does not deny clippy::$lint: write what the other pallets do"
		done
	done
	cargo_build "$TRIBUTARY_ROOT" "$CHAIN_TARGET" clippy --release --locked --workspace --all-targets -- -D warnings
	cargo_build "$TRIBUTARY_ROOT/inference-worker" "$WORKER_TARGET" clippy --release --locked --workspace --all-targets -- \
		-D warnings
fi
if wanted deny; then
	step "Licences, sources and banned crates"
	cargo_deny
	deny() { (cd "$TRIBUTARY_ROOT/$1" && cargo deny --locked --log-level error "${@:2}" check licenses bans sources); }
	deny .
	deny inference-worker
	# What is under Apache-2.0 links nothing under the GPL.
	deny . --exclude tributary-node --exclude tributary-settlement --config "$TRIBUTARY_ROOT/inference-worker/deny.toml"
fi
if wanted advisories; then
	step "Known defects of dependencies"
	if timeout 30 git ls-remote --quiet --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
		cargo_deny
		(cd "$TRIBUTARY_ROOT" && cargo deny --locked --log-level error check advisories)
		(cd "$TRIBUTARY_ROOT/inference-worker" && cargo deny --locked --log-level error check advisories)
	else
		say "skipped: RustSec's database is on github.com, which this machine cannot reach; run it where it can"
	fi
fi
if wanted network; then
	step "A network that is hurt"
	"$TRIBUTARY_ROOT/scripts/network-test.sh"
fi
say "all passed"
