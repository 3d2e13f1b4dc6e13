"""Writes what later releases are tested against: the raw specification of a network with this release's runtime, and the
state of such a network after something of every kind was done on it. scripts/release-snapshot.sh runs it.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))

import namespaces
import specification
from clients import Clients
from nodes import Network, wait_final
from processes import Failed


def write(arguments, folder, fabric):
    release = arguments.folder
    release.mkdir(parents=True, exist_ok=True)
    spec = release / "network-raw.json"
    if spec.exists() and not arguments.again:
        print(f"    {spec} is there and stays; --again writes it anew", flush=True)
    else:
        spec.write_text(json.dumps(specification.raw(arguments.node, "network"), indent=2) + "\n")
    network, clients = Network(fabric, arguments.node, spec, folder), Clients(arguments.modules, folder)
    try:
        validators = network.validators()
        wait_final(validators, 2)
        print(f"    four validators finalise runtime {validators[0].spec_version()}", flush=True)
        print(f"    {json.dumps(clients.once('populate.js', validators[0].url, seconds=900))}", flush=True)
        wait_final(validators, validators[0].height() + 1)
        told = clients.once("state.js", "write", validators[0].url, release / "state.json")
    finally:
        clients.stop()
        network.stop()
    print(f"    {release / 'state.json'}: {told['items']} items, {told['bytes']} bytes at block {told['number']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--again", action="store_true", help="write the specification even where there is one")
    namespaces.add_arguments(parser)
    parser.add_argument("folder", type=Path, help="the release's, for example chain-specs/releases/0.1.0")
    arguments = parser.parse_args()
    if arguments.inside:
        try:
            write(arguments, arguments.inside, namespaces.fabric(arguments))
        except Failed as failure:
            print(f"\nerror: {failure}", file=sys.stderr)
            return 1
        return 0
    folder = Path(tempfile.mkdtemp(prefix="tributary-release-"))
    status = namespaces.run_inside(folder, arguments)
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"Logs are in {folder}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
