"""The chain of the test network: the local chain of a node, with a fourth validator and short windows."""

import json
import subprocess

from processes import Failed

# Blocks: what takes minutes or days elsewhere passes within a test.
WAITS = {"challengeWindow": 5, "closingDelay": 10, "unbondingDelay": 20}


def exported(node, chain, *arguments):
    done = subprocess.run([node, "export-chain-spec", "--chain", chain, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the node does not export {chain}:\n{done.stderr}")
    return json.loads(done.stdout)


def public(node, scheme, uri):
    command = [node, "key", "inspect", "--scheme", scheme, "--output-type", "json", uri]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the node does not know the key {uri}:\n{done.stderr}")
    return json.loads(done.stdout)["ss58Address"]


def raw(node, folder):
    """The raw specification with Alice, Bob, Charlie and Dave."""
    plain = exported(node, "local")
    plain.update(name="Tributary Network Test", id="tributary_network_test")
    patch = plain["genesis"]["runtimeGenesis"]["patch"]
    account = public(node, "sr25519", "//Dave")
    keys = {"aura": account, "grandpa": public(node, "ed25519", "//Dave")}
    if all(entry[0] != account for entry in patch["session"]["keys"]):
        patch["session"]["keys"].append([account, account, keys])
    patch["delays"]["waits"] = WAITS
    file = folder / "plain.json"
    file.write_text(json.dumps(plain))
    return exported(node, file, "--raw")


def runtime(node):
    """The runtime inside a node: 0x hex of the wasm."""
    return exported(node, "local", "--raw")["genesis"]["raw"]["top"]["0x3a636f6465"]
