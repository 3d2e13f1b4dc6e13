"""What the flows share: a chain, a worker and a proxy as real processes, and how a flow runs and ends."""

import argparse
import json
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))

from chain import Tributary
from processes import DevNode, Failed, Proxy, Worker, free_port, get_json

OPERATOR, SERVICE, PAYER, CONTRIBUTOR = "//Bob", "//Bob//service", "//Pia", "//Ada"
AGENT = "river-guide"
TEXTS = [
    "The river Elbe rises in the Giant Mountains and flows through Dresden and Hamburg to the sea.",
    "The river Spree flows through Berlin and joins the Havel in the district of Spandau.",
    "A tributary is a river that flows into a larger river and not directly into the sea.",
]


def addresses(tributary):
    return {who: tributary("key", "show", who)["address"] for who in (OPERATOR, SERVICE, PAYER, CONTRIBUTOR)}


def publish(tributary, address, folder, model):
    """One DataNet, one agent, a registered worker and a funded channel to it; the worker's port."""
    texts = folder / "texts"
    texts.mkdir()
    for number, text in enumerate(TEXTS):
        (texts / f"{number}.txt").write_text(text)
    datanet = tributary("datanet", "create", "rivers", "--policy", "open", key=CONTRIBUTOR)["datanet"]
    tributary("datanet", "add", datanet, texts, "--licence", "CC0-1.0", key=CONTRIBUTOR)
    tributary("datanet", "snapshot", datanet, key=CONTRIBUTOR)
    price = ("--price-in", "0.5", "--price-out", "1")
    base = tributary("base", "publish", "base", model, *price, key=CONTRIBUTOR)["asset"]
    tributary("agent", "compose", AGENT, "--base", base, "--datanet", datanet, *price, key=CONTRIBUTOR)
    port = free_port()
    tributary(
        "worker", "register", "--service-key", address[SERVICE], "--endpoint", f"http://127.0.0.1:{port}", "--model", base,
        "--bond", 500, key=OPERATOR,
    )
    tributary("deposit", address[OPERATOR], 1_000, key=PAYER)
    return port


def prepare(arguments, folder, processes):
    """A development chain on which all of that is; worker and proxy are configured and not started."""
    node = DevNode(arguments.node, folder / "node")
    processes.append(node)
    node.ready()
    tributary = Tributary(arguments.cli, node.url, folder / "store", folder)
    address = addresses(tributary)
    for who in address:
        if who != OPERATOR:
            tributary("pay", address[who], 2_000, key="//Alice")
    port = publish(tributary, address, folder, arguments.model)
    worker = Worker(
        arguments.worker, folder, port, [node], address[OPERATOR], SERVICE, arguments.model, batch_records=5, batch_seconds=1
    )
    proxy = Proxy(tributary, address[OPERATOR], PAYER, folder)
    processes += [worker, proxy]
    return node, tributary, address, worker, proxy


def batches(tributary, operator):
    """Every batch with its records, recomputed from what the worker published."""
    following = tributary("worker", "status", operator)["settlement"]["next_sequence"]
    found = []
    for sequence in range(following):
        report = tributary("verify", "batch", operator, sequence)
        if not report["right"]:
            raise Failed(f"batch {sequence} is wrong: {json.dumps(report)}")
        found.append(report)
    return found


def check(condition, text):
    if not condition:
        raise Failed(text)


def refused(tributary, *arguments, key=None):
    """The error message of a command that must fail."""
    try:
        answer = tributary(*arguments, key=key)
    except Failed as failure:
        return str(failure)
    raise Failed(f"{arguments} was not refused: {answer}")


def ask(proxy, model, text):
    """A paid answer."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 24}
    return get_json(
        f"{proxy.url}/v1/chat/completions", data=json.dumps(body).encode(), headers={"content-type": "application/json"}, timeout=60
    )


def main(name, about, run, **numbers):
    """Runs a flow in a folder of its own, which is kept when it fails. `numbers` are further arguments and their defaults."""
    parser = argparse.ArgumentParser(description=about)
    for program in ("node", "worker", "cli"):
        parser.add_argument(f"--{program}", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "tributary-3m")
    for number, default in numbers.items():
        parser.add_argument(f"--{number}", type=int, default=default)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"tributary-{name}-"))
    processes = []
    try:
        run(arguments, folder, processes)
    except Exception as failure:
        if not isinstance(failure, Failed):
            traceback.print_exc()
        print(f"\nerror: {failure}\nLogs and data are in {folder}\n0 passed, 1 failed", file=sys.stderr)
        return 1
    finally:
        for process in reversed(processes):
            process.stop()
    shutil.rmtree(folder, ignore_errors=True)
    print("1 passed, 0 failed")
    return 0
