"""A worker fails over between two nodes and goes through a reorganisation; no batch is lost or billed twice."""

import threading
import time

from flow import CONTRIBUTOR, OPERATOR, PAYER, SERVICE, TEXTS
from kill_worker import Asker, counted

import ledger
from chain import Tributary
from nodes import VALIDATORS, wait, wait_final
from processes import Failed, Proxy, Worker, free_port

# The worker's setting of the nodes it may use, in [chain]: a list of addresses, the first is preferred.
SETTING = "urls"
GATEWAY, MACHINE = "gateway", 13
SECOND = "charlie"
AGENT = "network-guide"
RECORDS, AGE = 8, 4


def run(story):
    network = story.network
    alice, second = network["alice"], network[SECOND]
    gateway = network.full(GATEWAY, MACHINE)
    gateway.ready()
    tributary, address = prepare(story)
    worker, proxy = processes(story, tributary, address, [gateway, second])
    operator = ledger.account(alice, address[OPERATOR])

    def sequence(node=alice):
        """Batches of the worker on a node's best chain."""
        answer = ledger.call(node, "settlement", operator)
        return int.from_bytes(answer[:8], "little")

    stop = threading.Event()
    askers = [Asker(proxy.url, AGENT, stop, pause=1.0) for _ in range(2)]
    for asker in askers:
        asker.start()
    begun = wait("the worker's first two batches", lambda: sequence() >= 2 and sequence())
    story.say(f"the worker serves and settles through {GATEWAY}: {begun} batches")

    gateway.kill()
    goal = sequence() + 2
    wait(f"batch {goal} through the second node", lambda: sequence() >= goal)
    story.say(f"{GATEWAY} got SIGKILL; {sequence()} batches: the worker settles through {SECOND}")
    gateway.ready()
    wait_final([gateway, alice], alice.final()[0])

    lost = fork(story, sequence)
    stop.set()
    for asker in askers:
        asker.join(90)
    goal = sequence() + 1
    whole, recorded, made, charged = counted(alice, tributary, worker, address, askers, seconds=300)
    story.say(
        f"{len(whole)} whole answers, {len(recorded)} records in {made} batches, {charged} planck charged: none lost, none twice"
    )
    story.keep(answers=len(whole), records=len(recorded), batches=made, blocks_reorganised=lost)
    for process in (proxy, worker, gateway):
        process.stop()


def fork(story, sequence):
    """Both nodes of the worker are cut off with one validator, until a batch is in a block that the others will not
    keep. Number of such blocks."""
    network = story.network
    alice, second, gateway = network["alice"], network[SECOND], network[GATEWAY]
    three = [network[name] for name in VALIDATORS if name != SECOND]
    at = sequence(alice)
    network.cut([node.name for node in three], [SECOND, GATEWAY])
    base = second.height()
    story.say(f"cut: {', '.join(node.name for node in three)} | {SECOND}, {GATEWAY} and the worker's connections")
    wait("a batch on the side of one validator", lambda: sequence(second) > max(at, sequence(alice)), 240)
    top = second.height()
    forked = {number: second.rpc("chain_getBlockHash", number) for number in range(base + 1, top + 1)}
    story.say(f"{sequence(second)} batches in blocks of {SECOND}'s side, {sequence(alice)} on the other")
    network.heal()
    goal = max(alice.height(), top) + 1
    wait_final([*three, second, gateway], goal, 300)
    lost = [number for number, block in forked.items() if alice.rpc("chain_getBlockHash", number) != block]
    if not lost:
        raise Failed("the chain was not reorganised")
    story.say(f"healed: {len(lost)} blocks of {SECOND}'s side were reorganised away, block {goal} is final on all")
    return len(lost)


def prepare(story):
    """A DataNet, an agent and a funded channel on the network's chain."""
    folder = story.folder
    tributary = Tributary(story.arguments.cli, story.network["alice"].url, folder / "store", folder)
    address = {who: tributary("key", "show", who)["address"] for who in (OPERATOR, SERVICE, PAYER, CONTRIBUTOR)}
    alice = story.network["alice"]
    story.clients.once("fund.js", alice.url, 2_000, *[address[who] for who in address if who != OPERATOR])
    texts = folder / "texts"
    texts.mkdir()
    for number, text in enumerate(TEXTS):
        (texts / f"{number}.txt").write_text(text)
    datanet = tributary("datanet", "create", "network-rivers", "--policy", "open", key=CONTRIBUTOR)["datanet"]
    tributary("datanet", "add", datanet, texts, "--licence", "CC0-1.0", key=CONTRIBUTOR)
    tributary("datanet", "snapshot", datanet, key=CONTRIBUTOR)
    price = ("--price-in", "0.5", "--price-out", "1")
    base = tributary("base", "publish", "network-base", story.arguments.model, *price, key=CONTRIBUTOR)["asset"]
    tributary("agent", "compose", AGENT, "--base", base, "--datanet", datanet, *price, key=CONTRIBUTOR)
    story.port = free_port()
    tributary(
        "worker", "register", "--service-key", address[SERVICE], "--endpoint", f"http://127.0.0.1:{story.port}",
        "--model", base, "--bond", 500, key=OPERATOR,
    )  # fmt: skip
    tributary("deposit", address[OPERATOR], 1_000, key=PAYER)
    return tributary, address


def processes(story, tributary, address, nodes):
    """The worker with its two nodes, and the payer's proxy, which asks the network itself."""
    arguments, folder = story.arguments, story.folder
    worker = Worker(
        arguments.worker, folder, story.port, nodes[0], address[OPERATOR], SERVICE, arguments.model, RECORDS, AGE
    )
    one = f'url = "{nodes[0].url}"'
    several = f"{SETTING} = [{', '.join(repr(node.url) for node in nodes)}]"
    worker.config.write_text(worker.config.read_text().replace(one, several))
    story.processes.append(worker)
    try:
        worker.ready(agents=1)
    except Failed as failure:
        if SETTING in str(failure):
            raise Failed(f"this worker does not know the setting chain.{SETTING}, several nodes: {failure}") from None
        raise
    port = free_port()
    command = tributary.command("proxy", "--worker", address[OPERATOR], "--listen", f"127.0.0.1:{port}", key=PAYER)
    proxy = Proxy(command, folder, port, tributary.env)
    story.processes.append(proxy)
    return worker, proxy.ready()
