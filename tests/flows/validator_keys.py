"""Session keys of validators, each way that the documentation shows: made inside a running node or without one, set by
polkadot.js or by the command line; what is wrong is refused with what to do. Then a validator that runs gets other keys,
while its RPC is safe, and makes and finalises blocks with them.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from flow import ROOT, check, main, refused
from chain import Tributary
from processes import DevNode, Failed, Node, free_port, wait

SCRIPTED, DIRECT, OFFLINE = "//Vera", "//Viktor", "//Vita"
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
# Blocks; the least that a chain takes.
SESSION = 5


def ran(*command, **env):
    """A command's output; its error output when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != 0:
        raise Failed(f"{command[0]} (exit {done.returncode}): {done.stderr}")
    return done.stdout


def polkadot_js(node, uri, *keys):
    """Keys that are registered for an account, after the given ones were set."""
    # Where the flows through polkadot.js are installed.
    folder = Path(os.environ["TRIBUTARY_NODE_MODULES"]).parent
    return ran("node", folder / "src" / "session-keys.js", node.url, uri, *keys).splitlines()[-1]


def fails(what, *arguments):
    """The message of a failure that must be."""
    try:
        answer = what(*arguments)
    except Failed as failure:
        return str(failure)
    raise Failed(f"{arguments} was not refused: {answer}")


def made_by_script(account, node):
    """What scripts/validator-keys.sh says to paste into polkadot.js Apps: Aura's key, GRANDPA's, the proof."""
    text = ran(ROOT / "scripts" / "validator-keys.sh", account, node.http)
    return [re.search(rf"^ *{name} +(0x[0-9a-f]+)$", text, re.MULTILINE)[1] for name in ("keys.aura", "keys.grandpa", "proof")]


def made_offline(arguments, account, chain, base, *options):
    """What deploy/session-keys.sh prints."""
    made = ran(
        ROOT / "deploy" / "session-keys.sh", account, "--chain", chain, "--base-path", base, *options,
        TRIBUTARY_NODE_PROGRAM=str(arguments.node), TRIBUTARY_SESSION_KEYS_PORT=str(free_port()),
    )
    return json.loads(made)


def together(keys):
    """Both keys as one value, from the command line's answer."""
    return keys["aura"] + keys["grandpa"].removeprefix("0x")


def registered(tributary, node, account, uri, keys):
    """The account has these keys, stands as a candidate, and both command line and chain say so."""
    check(polkadot_js(node, uri) == keys, f"{uri} has other keys than {keys}")
    check(node.rpc("author_hasSessionKeys", keys), f"the node's keystore lacks {keys}")
    tributary("validator", "bond", 1_000, key=uri)
    shown = tributary("validator", "show", account)["validator"]
    check(shown["keys"] and shown["active"], f"{uri} is no candidate with keys: {shown}")


def candidates(arguments, folder, processes):
    """Three who become candidates, each by another way."""
    node = DevNode(arguments.node, folder / "node")
    processes.append(node)
    node.ready()
    tributary = Tributary(arguments.cli, node.url, folder / "store", folder)
    account = {uri: tributary("key", "show", uri)["address"] for uri in (SCRIPTED, DIRECT, OFFLINE)}
    for address in account.values():
        tributary("pay", address, 2_000, key="//Alice")

    keys = made_by_script(account[SCRIPTED], node)
    message = fails(polkadot_js, node, DIRECT, *keys)
    check("session.InvalidProof" in message, message)
    set_keys = polkadot_js(node, SCRIPTED, *keys)
    check(set_keys == together({"aura": keys[0], "grandpa": keys[1]}), f"{set_keys} was set, not {keys}")
    registered(tributary, node, account[SCRIPTED], SCRIPTED, set_keys)
    message = fails(made_by_script, "nobody", node)
    check("is no address" in message, message)
    print("ok  scripts/validator-keys.sh and polkadot.js", flush=True)

    first = together(tributary("validator", "keys", key=DIRECT))
    registered(tributary, node, account[DIRECT], DIRECT, first)
    second = together(tributary("validator", "keys", key=DIRECT))
    check(second != first and polkadot_js(node, DIRECT) == second, "the keys were not changed")
    print("ok  validator keys, in the running node", flush=True)

    aside = ("dev", folder / "offline", "--keystore-path", folder / "node" / "chains" / "tributary_dev" / "keystore")
    made = made_offline(arguments, account[OFFLINE], *aside)
    keys, proof = ("--keys", made["keys"]), ("--proof", made["proof"])
    tributary("validator", "keys", *keys, *proof, key=OFFLINE)
    registered(tributary, node, account[OFFLINE], OFFLINE, made["keys"])
    print("ok  deploy/session-keys.sh and validator keys --keys --proof", flush=True)

    other = made_offline(arguments, account[OFFLINE], *aside)
    for uri, given, told in (
        (DIRECT, (*keys, *proof), "exit 4.*Session.InvalidProof.*make both anew"),
        (OFFLINE, (*keys, "--proof", other["proof"]), "exit 4.*Session.InvalidProof.*make both anew"),
        (OFFLINE, keys, "exit 2.*--proof"),
        (OFFLINE, proof, "exit 2.*--keys"),
        (OFFLINE, ("--keys", made["proof"], "--proof", made["keys"]), "exit 2.*128 hex digits.*session-keys.sh"),
        (OFFLINE, (*keys, "--proof", made["proof"][:-1]), "exit 2.*256 hex digits.*session-keys.sh"),
    ):
        message = refused(tributary, "validator", "keys", *given, key=uri)
        check(re.search(told, message, re.DOTALL), f"{given}: {message}")
    check(polkadot_js(node, DIRECT) == second and polkadot_js(node, OFFLINE) == made["keys"], "refused keys were set")
    print("ok  wrong keys and proofs are refused", flush=True)


def specification(arguments, folder):
    """Alice's chain, with short sessions."""
    plain = json.loads(ran(arguments.node, "export-chain-spec", "--chain", "dev"))
    plain["genesis"]["runtimeGenesis"]["patch"]["validators"]["timing"]["sessionBlocks"] = SESSION
    file = folder / "chain-spec.json"
    file.write_text(json.dumps(plain))
    return file


def change(arguments, folder, processes):
    """Alice's validator starts and runs as the unit and the compose file have it, and gets other keys."""
    chain, base, port = specification(arguments, folder), folder / "validator", free_port()
    # Makes the node key, without which a validator does not start.
    made_offline(arguments, ALICE, chain, base)
    node = Node(
        "validator",
        [arguments.node, "--chain", chain, "--base-path", base, "--alice", "--validator", "--rpc-methods", "safe", "--no-mdns",
         "--rpc-port", port, "--port", free_port(), "--no-telemetry", "--no-prometheus"],
        folder / "validator.log",
        port,
    )
    processes.append(node)
    node.ready()
    tributary = Tributary(arguments.cli, node.url, folder / "store", folder)
    message = refused(tributary, "validator", "keys", key="//Alice")
    check(re.search("exit 4.*unsafe.*deploy/session-keys.sh.*--keys and --proof", message, re.DOTALL), message)
    message = fails(made_by_script, ALICE, node)
    check("unsafe" in message and "deploy/session-keys.sh" in message, message)

    before = polkadot_js(node, "//Alice")
    (keystore,) = base.glob("chains/*/keystore")
    made = made_offline(arguments, ALICE, chain, folder / "aside", "--keystore-path", keystore)
    tributary("validator", "keys", "--keys", made["keys"], "--proof", made["proof"], key="//Alice")
    check(polkadot_js(node, "//Alice") == made["keys"] != before, "the keys were not changed")
    session = tributary("validator", "show")["parameters"]["session"]
    # In force in the second session from then; in the third, blocks before and votes are all by the new keys.
    wait("the session after new keys", lambda: tributary("validator", "show")["parameters"]["session"] >= session + 3, every=3)
    height = node.height()
    wait("finality by the new keys", lambda: node.final()[0] > height)
    authorities = node.rpc("state_call", "AuraApi_authorities", "0x")
    check(authorities == "0x04" + made["keys"][2:66], f"{authorities} make blocks, not {made['keys']}")
    print("ok  a running validator with safe RPC changed its keys", flush=True)


def run(arguments, folder, processes):
    candidates(arguments, folder, processes)
    change(arguments, folder, processes)


if __name__ == "__main__":
    sys.exit(main("validator-keys", __doc__, run))
