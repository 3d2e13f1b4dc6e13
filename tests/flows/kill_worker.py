"""Kills the worker with SIGKILL over and over while it serves, and counts the money afterwards.

An answer that reached its client whole has a record; every record is in exactly one settled batch; the
payer was charged their sum and nothing else.
"""

import http.client
import json
import random
import sys
import threading
import time
import urllib.request

from flow import OPERATOR, PAYER, batches, check, main, prepare

import ledger
from processes import get_json


class Asker(threading.Thread):
    """Asks one question after the other and keeps the ids of the answers that arrived whole."""

    def __init__(self, url, model, stop, pause=0.0):
        super().__init__(daemon=True)
        self.url, self.model, self.stop, self.pause = url, model, stop, pause
        self.whole, self.broken = [], 0

    def run(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                self.whole.append(self.ask(number))
                time.sleep(self.pause)
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


def counted(node, tributary, worker, address, askers, seconds=120):
    """Waits until every answer that arrived whole is credited; (whole answers, records by id, batches, planck charged)."""
    whole = [trail for asker in askers for trail in asker.whole]
    check(whole, "no answer arrived whole")
    check(len(set(whole)) == len(whole), "two answers have the same id")

    payer, operator = (ledger.account(node, address[who]) for who in (PAYER, OPERATOR))
    credited = {}

    def all_credited():
        for trail in whole:
            if trail not in credited:
                settlement = get_json(f"{worker.url}/v1/trail/{trail}")["settlement"]
                if settlement["status"] != "credited":
                    return False
                credited[trail] = settlement["batch"]
        return True

    worker.wait_for(f"crediting all of {len(whole)} answers", all_credited, seconds)

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
    return whole, recorded, len(set(credited.values())), charged


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
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
    whole, recorded, batches_made, charged = counted(node, tributary, worker, address, askers)
    broken = sum(asker.broken for asker in askers)
    print(
        f"    {arguments.kills} kills, {len(whole)} whole answers, {broken} broken off, {len(recorded)} records in"
        f" {batches_made} batches, {charged} planck charged: none lost, none twice"
    )


if __name__ == "__main__":
    sys.exit(main("kill", __doc__, run, kills=20, seed=1))
