"""A worker fails over between two nodes and goes through a reorganisation; no batch is lost or billed twice."""

import threading

from flow import AGENT, OPERATOR, PAYER, SERVICE, addresses, publish
from kill_worker import Asker, counted

import ledger
from chain import Tributary
from nodes import VALIDATORS, wait_final
from processes import Failed, Proxy, Worker, get_json, wait
from steps import load

GATEWAY, MACHINE = "gateway", 13
SECOND = "charlie"
RECORDS, AGE = 8, 4


def run(story):
    network = story.network
    if "load" in story.arguments.steps:
        # There is little else to do meanwhile.
        load.prepare(story)
    alice, second = network["alice"], network[SECOND]
    gateway = network.full(GATEWAY, MACHINE)
    gateway.ready()
    tributary, address, worker, proxy = prepare(story, [gateway, second])
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

    failovers = fail_over(story, address, worker, sequence)
    story.say(f"{GATEWAY} got SIGKILL, a batch waited in it; {sequence()} batches: the worker settles through {SECOND}")
    gateway.ready()
    wait_final([gateway, alice], alice.final()[0])

    lost = fork(story, sequence)
    stop.set()
    for asker in askers:
        asker.join(90)
    whole, recorded, made, charged = counted(alice, tributary, worker, address, askers, seconds=300)
    story.say(
        f"{len(whole)} whole answers, {len(recorded)} records in {made} batches, {charged} planck charged: none lost, none twice"
    )
    story.keep(answers=len(whole), records=len(recorded), batches=made, failovers=failovers, blocks_reorganised=lost)
    for process in (proxy, worker, gateway):
        process.stop()


def fail_over(story, address, worker, sequence):
    """The worker's first node is killed while a batch waits in its pool; the worker settles through the second. How often
    the worker took another node then."""
    alice, gateway = story.network["alice"], story.network[GATEWAY]
    service, payer = (ledger.account(alice, address[who]).hex() for who in (SERVICE, PAYER))

    def asked():
        return get_json(f"{worker.url}/health")["chain"]

    def waits():
        # The service key also signs credits, which name no payer.
        return any(f"00{service}" in signed and payer in signed for signed in gateway.rpc("author_pendingExtrinsics"))

    before = asked()
    # Nodes are counted from 1.
    if before["endpoint"] != 1:
        raise Failed(f"the worker does not ask its first node, {GATEWAY}: {before}")
    wait(f"a batch to wait in {GATEWAY}", waits, 120, every=0.05)
    gateway.kill()
    goal = sequence() + 2
    wait(f"batch {goal} through the second node", lambda: sequence() >= goal)
    after = asked()
    if after["endpoint"] != 2 or after["failovers"] <= before["failovers"]:
        raise Failed(f"the worker did not go on with its second node, {SECOND}: {before} became {after}")
    return after["failovers"] - before["failovers"]


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
    # Without a final block of their own, the others would take the one validator's block for the longest chain.
    wait("another final block on the side of three", lambda: alice.final()[0] > base, 240)
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


def prepare(story, nodes):
    """An agent and a funded channel on the network's chain; the worker, which goes on with the next of its nodes when one
    is gone, and the payer's proxy, which asks the network itself."""
    arguments, folder, alice = story.arguments, story.folder, story.network["alice"]
    tributary = Tributary(arguments.cli, alice.url, folder / "store", folder)
    address = addresses(tributary)
    story.clients.once("fund.js", alice.url, 2_000, *[address[who] for who in address if who != OPERATOR])
    port = publish(tributary, address, folder, arguments.model)
    worker = Worker(arguments.worker, folder, port, nodes, address[OPERATOR], SERVICE, arguments.model, RECORDS, AGE)
    proxy = Proxy(tributary, address[OPERATOR], PAYER, folder)
    story.processes += [worker, proxy]
    # The worker takes the first of its nodes that keeps up, and stays with it.
    wait_final([*nodes, alice], alice.final()[0])
    wait(f"{nodes[0].name} to be in sync", lambda: not nodes[0].rpc("system_health")["isSyncing"])
    worker.ready(agents=1)
    proxy.ready()
    return tributary, address, worker, proxy
