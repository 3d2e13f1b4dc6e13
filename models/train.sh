#!/usr/bin/env bash
# Makes models/tributary-3m again: fetches the texts, then trains. A killed run goes on where it was.
# CARGO_TARGET_DIR, if set, is used for the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/corpus.sh target/corpus base
cargo run --release --manifest-path inference-worker/Cargo.toml -p tributary-factory --bin tributary-train -- \
	base models/tributary-3m.json
