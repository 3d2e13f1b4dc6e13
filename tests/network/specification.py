"""The chains of the test network: what a node's own network begins with, and the runtime inside a node."""

import json
import subprocess
from pathlib import Path

from processes import Failed

RELEASES = Path(__file__).resolve().parents[2] / "chain-specs" / "releases"


def raw(node, chain):
    """A chain's raw specification, as a node exports it."""
    command = [node, "export-chain-spec", "--chain", chain, "--raw"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the node does not export {chain}:\n{done.stderr}")
    return json.loads(done.stdout)


def runtime(node):
    """The runtime inside a node: 0x hex of the wasm."""
    return raw(node, "network")["genesis"]["raw"]["top"]["0x3a636f6465"]


def last_release():
    """The newest release's raw specification."""
    kept = RELEASES.glob("*/network-raw.json")
    return max(kept, key=lambda file: [int(number) for number in file.parent.name.split(".")])
