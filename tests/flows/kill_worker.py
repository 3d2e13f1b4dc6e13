"""Kills the worker with SIGKILL over and over while it serves, and counts the money afterwards.

An answer that reached its client whole has a record; every record is in exactly one settled batch; the
payer was charged their sum and nothing else.
"""

import argparse
import http.client
import json
import random
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))

import ledger
from chain import Tributary
from processes import Failed, Node, Proxy, Worker, free_port, get_json

OPERATOR, SERVICE, PAYER, CONTRIBUTOR = "//Bob", "//Bob//service", "//Pia", "//Ada"
TEXTS = [
    "The river Elbe rises in the Giant Mountains and flows through Dresden and Hamburg to the sea.",
    "The river Spree flows through Berlin and joins the Havel in the district of Spandau.",
    "A tributary is a river that flows into a larger river and not directly into the sea.",
]


class Asker(threading.Thread):
    """Asks one question after the other and keeps the ids of the answers that arrived whole."""

    def __init__(self, url, model, stop):
        super().__init__(daemon=True)
        self.url, self.model, self.stop = url, model, stop
        self.whole, self.broken = [], 0

    def run(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                self.whole.append(self.ask(number))
            except (OSError, ValueError, http.client.HTTPException):
                self.broken += 1
                time.sleep(0.2)

    def ask(self, number):
        stream = number % 2 == 0
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": f"Where does the river flow? ({number})"}],
            "max_tokens": 24,
            "stream": stream,
        }
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            trail, data = answer.headers["x-tributary-trail"], answer.read()
        if stream and not data.rstrip().endswith(b"data: [DONE]"):
            raise ValueError("the stream broke off")
        if not stream and "choices" not in json.loads(data):
            raise ValueError("the answer broke off")
        return trail


def prepare(arguments, folder):
    """A chain with one DataNet, one agent and a funded channel; the worker's configuration."""
    node = Node(arguments.node, folder)
    node.ready()
    tributary = Tributary(arguments.cli, node.url, folder / "store", folder)
    address = {who: tributary("key", "show", who)["address"] for who in (OPERATOR, SERVICE, PAYER, CONTRIBUTOR)}
    for who in address:
        if who != OPERATOR:
            tributary("pay", address[who], 2_000, key="//Alice")
    texts = folder / "texts"
    texts.mkdir()
    for number, text in enumerate(TEXTS):
        (texts / f"{number}.txt").write_text(text)
    datanet = tributary("datanet", "create", "rivers", "--policy", "open", key=CONTRIBUTOR)["datanet"]
    tributary("datanet", "add", datanet, texts, "--licence", "CC0-1.0", key=CONTRIBUTOR)
    tributary("datanet", "snapshot", datanet, key=CONTRIBUTOR)
    price = ("--price-in", "0.5", "--price-out", "1")
    base = tributary("base", "publish", "base", arguments.model, *price, key=CONTRIBUTOR)["asset"]
    tributary("agent", "compose", "river-guide", "--base", base, "--datanet", datanet, *price, key=CONTRIBUTOR)
    port = free_port()
    tributary(
        "worker", "register", "--service-key", address[SERVICE], "--endpoint", f"http://127.0.0.1:{port}", "--model", base,
        "--bond", 500, key=OPERATOR,
    )
    tributary("deposit", address[OPERATOR], 1_000, key=PAYER)
    worker = Worker(
        arguments.worker, folder, port, node, address[OPERATOR], SERVICE, arguments.model, batch_records=5, batch_seconds=1
    )
    port = free_port()
    command = tributary.command("proxy", "--worker", address[OPERATOR], "--listen", f"127.0.0.1:{port}", key=PAYER)
    return node, tributary, address, worker, Proxy(command, folder, port, tributary.env)


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


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder)
    processes += [node, worker, proxy]
    worker.ready(agents=1)
    proxy.ready()
    stop = threading.Event()
    askers = [Asker(proxy.url, "river-guide", stop) for _ in range(3)]
    for asker in askers:
        asker.start()
    chance = random.Random(arguments.seed)
    for kill in range(arguments.kills):
        time.sleep(chance.uniform(0.2, 4.0))
        worker.kill()
        worker.ready(agents=1)
        answered = sum(len(asker.whole) for asker in askers)
        print(f"    kill {kill + 1}/{arguments.kills}: {answered} answers so far", flush=True)
    time.sleep(2)
    stop.set()
    for asker in askers:
        asker.join(90)
    whole = [trail for asker in askers for trail in asker.whole]
    broken = sum(asker.broken for asker in askers)
    check(len(set(whole)) == len(whole), "two answers have the same id")

    payer, operator = (ledger.account(node, address[who]) for who in (PAYER, OPERATOR))
    end = time.monotonic() + 120
    trails = {}
    while time.monotonic() < end:
        trails = {trail: get_json(f"{worker.url}/v1/trail/{trail}") for trail in whole}
        if all(trail["settlement"]["status"] == "credited" for trail in trails.values()):
            break
        time.sleep(1)
    waiting = [trail for trail in trails.values() if trail["settlement"]["status"] != "credited"]
    check(not waiting, f"{len(waiting)} records are not credited after 120 s, the first: {json.dumps(waiting[:1])}\n{worker.tail()}")

    recorded, escrow = {}, 0
    for batch in batches(tributary, address[OPERATOR]):
        escrow += int(batch["batch"]["escrow"])
        for record in batch["records"]:
            check(record["id"] not in recorded, f"record {record['id']} was billed twice")
            recorded[record["id"]] = int(record["fee"])
    missing = [trail for trail in whole if trail not in recorded]
    check(not missing, f"{len(missing)} answers have no record, the first: {missing[:1]}")
    charged = ledger.charged(node, payer, operator)
    fees = sum(recorded.values())
    check(charged == escrow == fees, f"charged {charged}, escrow of batches {escrow}, fees of records {fees} planck differ")
    print(
        f"    {arguments.kills} kills, {len(whole)} whole answers, {broken} broken off, {len(recorded)} records in"
        f" {len(set(trail['settlement']['batch'] for trail in trails.values()))} batches, {charged} planck charged: none lost, none twice"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("node", "worker", "cli"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "tributary-3m")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tributary-kill-"))
    processes = []
    try:
        run(arguments, folder, processes)
    except Failed as failure:
        print(f"\nerror: {failure}\nLogs and data are in {folder}\n0 passed, 1 failed", file=sys.stderr)
        return 1
    finally:
        for process in reversed(processes):
            process.stop()
    shutil.rmtree(folder, ignore_errors=True)
    print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
