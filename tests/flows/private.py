"""A private DataNet from its first text to a revoked grant, with real processes.

Contributions are encrypted, a worker serves them with a grant and never without, training stops when its grant is
revoked, an erased text is gone, and no file of the worker ever holds 16 bytes of a private text.
"""

import re
import sys
import time

from flow import CONTRIBUTOR, SERVICE, ask, check, main, prepare, refused
from processes import Process, get_json, wait

TRAINER = "//Tim"
SECRETS = [
    "The Quenta valve of the northern lock opens at seventeen bar and never below four degrees.",
    "Engineer Halvorsen keeps the spare rotor of pump nine in the green shed behind the weir.",
    "The audit of nineteen ninety-eight found the eastern dyke eleven centimetres too low.",
]
WINDOW = 16


def windows(texts):
    return {text.encode()[at : at + WINDOW] for text in texts for at in range(len(text.encode()) - WINDOW + 1)}


def leaks(folder, texts):
    """Files below the folder that hold 16 bytes of one of the texts."""
    found = []
    pattern = re.compile(b"|".join(re.escape(window) for window in sorted(windows(texts))))
    for path in folder.rglob("*"):
        if path.is_file() and pattern.search(path.read_bytes()):
            found.append(path)
    return found


def contribute(tributary, folder):
    texts = folder / "secrets"
    texts.mkdir()
    for number, text in enumerate(SECRETS):
        (texts / f"{number}.txt").write_text(text)
    made = tributary("datanet", "create", "lock", "--policy", "open", "--private", key=CONTRIBUTOR)
    check(made["recipient"].startswith("age1"), f"no recipient: {made}")
    datanet = made["datanet"]
    added = tributary("datanet", "add", datanet, texts, "--licence", "LicenseRef-own", key=CONTRIBUTOR)
    check(len(added["added"]) == len(SECRETS), f"contributed {added}")
    again = tributary("datanet", "add", datanet, texts, "--licence", "LicenseRef-own", key=CONTRIBUTOR)
    check(not again["added"] and len(again["skipped"]) == len(SECRETS), f"contributed twice: {again}")
    tributary("datanet", "snapshot", datanet, key=CONTRIBUTOR)
    check(not leaks(folder / "store", SECRETS), "the store has plaintext")
    for index, text in enumerate(SECRETS):
        read = tributary("datanet", "read", datanet, index, key=CONTRIBUTOR)["text"]
        check(read == text, f"contribution {index} reads {read!r}")
    message = refused(tributary, "datanet", "fetch", datanet, folder / "fetched", key=CONTRIBUTOR)
    check("never written" in message, message)
    return datanet


def serve(folder, tributary, worker, proxy, address, datanet):
    """The worker serves the private agent when it has a grant, and not before."""
    base = tributary("agent", "show", tributary("agent", "list")[0]["agent"])["base"]
    price = ("--price-in", "0.5", "--price-out", "1")
    tributary("agent", "compose", "lock-guide", "--base", base, "--datanet", datanet, *price, key=CONTRIBUTOR)
    wait("the public agent", lambda: "river-guide" in worker.agents(), 60)
    wait("the reason", lambda: "has no grant to retrieve" in worker.log.read_text(), 60)
    check("lock-guide" not in worker.agents(), "the private agent is served without a grant")
    done = worker.request(datanet)
    check(done.returncode != 0 and "offers no grants" in done.stderr, done.stderr)
    tributary("datanet", "offer", datanet, "--purpose", "retrieve", "--price", 5, key=CONTRIBUTOR)
    done = worker.request(datanet)
    check(done.returncode == 0, done.stderr)
    listed = tributary("grant", "list", datanet)["requests"]
    check([one["grantee"] for one in listed] == [address[SERVICE]], f"requests are {listed}")
    tributary("grant", "give", datanet, address[SERVICE], "--purpose", "retrieve", key=CONTRIBUTOR)
    wait("the private agent", lambda: "lock-guide" in worker.agents(), 60)
    answer = ask(proxy, "lock-guide", "Where is the spare rotor of pump nine?")
    check(answer["choices"][0]["message"]["content"], f"no answer: {answer}")


def trail_shows(tributary, proxy, worker, datanet):
    answer = ask(proxy, "lock-guide", "Who keeps the spare rotor of pump nine in the green shed?")
    trail = get_json(f"{worker.url}/v1/trail/{answer['id']}")
    contributions = [share["contribution"] for share in trail["shares"] if share["datanet"] == datanet]
    check(1 in contributions, f"the contribution is not in the trail: {trail['shares']}")


def train(folder, tributary, address, datanet, processes):
    """A grant that is revoked while it is used stops the training."""
    base = tributary("asset", "list", "--kind", "base")[0]["id"]
    out = folder / "adapter"
    command = ("train", "--base", base, "--datanet", datanet, "--out", out, "--sequence", 16, "--batch", 1, "--chat-share", 0)
    message = refused(tributary, *command, "--steps", 2, key=TRAINER)
    check("has no grant to train on" in message and "ask them to grant" in message, message)
    tributary("datanet", "offer", datanet, "--purpose", "train", "--price", 1, key=CONTRIBUTOR)
    message = refused(tributary, *command, "--steps", 2, key=TRAINER)
    check(f"tributary grant request {datanet} --purpose train" in message, message)
    tributary("grant", "request", datanet, "--purpose", "train", key=TRAINER)
    message = refused(tributary, *command, "--steps", 2, key=TRAINER)
    check("waits for the owner" in message, message)
    tributary("grant", "give", datanet, address[TRAINER], "--purpose", "train", key=CONTRIBUTOR)
    command = tributary.command(*command, "--steps", 100_000, key=TRAINER)
    training = Process("the training", command, folder / "training.log", tributary.env)
    processes.append(training.start())
    time.sleep(5)
    check(training.alive(), f"the training ended by itself: {training.tail()}")
    tributary("grant", "revoke", datanet, address[TRAINER], "--purpose", "train", key=CONTRIBUTOR)
    status = training.ended(90)
    check(status != 0 and f"the grant to train on DataNet {datanet} was revoked" in training.tail(), training.tail())
    check(not leaks(out, SECRETS) and not leaks(folder / "home", SECRETS), "the training wrote plaintext")


def rotate(folder, tributary, address, datanet):
    """Who was revoked cannot read what comes after; who was not can."""
    check(tributary("datanet", "rotate", datanet, key=CONTRIBUTOR)["epoch"] == 2, "no second epoch")
    later = folder / "later.txt"
    later.write_text("The new code of the sluice house is spoken only on Tuesdays.")
    tributary("datanet", "add", datanet, later, "--licence", "LicenseRef-own", key=CONTRIBUTOR)
    grants = tributary("grant", "list", datanet)["grants"]
    check([(one["grantee"], one["epoch"]) for one in grants] == [(address[SERVICE], 2)], f"grants are {grants}")
    for index in (0, len(SECRETS)):
        check(tributary("datanet", "read", datanet, index, key=SERVICE)["text"], "the grantee cannot read")
    message = refused(tributary, "datanet", "read", datanet, 0, key=TRAINER)
    check("has no grant" in message, message)


def erase(folder, tributary, worker, datanet):
    content = tributary("datanet", "contributions", datanet)[0]["content"].removeprefix("0x")
    stored = folder / "store" / content[:2] / content
    check(stored.exists(), f"{stored} is missing before it is erased")
    erased = tributary("datanet", "erase", datanet, 0, key=CONTRIBUTOR)
    check(erased["removed"] and not stored.exists(), f"the text is still in the store: {erased}")
    message = refused(tributary, "datanet", "read", datanet, 0, key=CONTRIBUTOR)
    check("was erased" in message, message)
    # The worker lists contributions again within a minute.
    wait("the agent without the erased text", lambda: "lock-guide" in worker.agents(), 120)


def revoke(folder, tributary, worker, address, datanet):
    tributary("grant", "revoke", datanet, address[SERVICE], "--purpose", "retrieve", key=CONTRIBUTOR)
    wait("the end of the private agent", lambda: "lock-guide" not in worker.agents(), 60)
    check("river-guide" in worker.agents(), "the public agent is gone too")


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
    address[TRAINER] = tributary("key", "show", TRAINER)["address"]
    tributary("pay", address[TRAINER], 100, key="//Alice")
    datanet = contribute(tributary, folder)
    worker.ready()
    proxy.ready()
    steps = [
        ("a grant lets the worker serve", lambda: serve(folder, tributary, worker, proxy, address, datanet)),
        ("the trail names the contribution", lambda: trail_shows(tributary, proxy, worker, datanet)),
        ("a revoked grant stops a training", lambda: train(folder, tributary, address, datanet, processes)),
        ("a new epoch keeps the revoked out", lambda: rotate(folder, tributary, address, datanet)),
        ("an erased text is gone", lambda: erase(folder, tributary, worker, datanet)),
        ("a revoked grant ends the agent", lambda: revoke(folder, tributary, worker, address, datanet)),
    ]
    for name, step in steps:
        step()
        found = leaks(folder / "worker", SECRETS) + leaks(folder / "store", SECRETS)
        check(not found, f"private text is in {found}")
        check(not windows(SECRETS) & windows([(folder / "worker.log").read_text(errors="replace")]), "private text is in the log")
        print(f"ok  {name}", flush=True)


if __name__ == "__main__":
    sys.exit(main("private", __doc__, run))
