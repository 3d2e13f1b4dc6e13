"""A fresh node warp-syncs: it has the newest final state, from proofs, before the blocks below."""

import time

from nodes import wait_final
from processes import Failed, wait
from steps.pruned import has_state

MACHINE = 11
# What a node logs when it has the state, and when it gives up and executes all blocks instead.
COMPLETE = "State sync is complete, continuing with block sync."
GIVEN_UP = ("Warp sync failed. Continuing with full sync.", "State sync failed. Falling back to full sync.")


def run(story):
    network = story.network
    known = network["alice"]
    goal = known.final()[0]
    fresh = network.full("warp", MACHINE, "--sync", "warp")
    begun = time.monotonic()
    fresh.ready()
    wait(f"final block {goal} on the fresh node", lambda: fresh.final()[0] >= goal)
    took = round(time.monotonic() - begun, 1)
    # It is final a moment before it is logged.
    fresh.wait_for("fetching the state", lambda: any(text in fresh.log.read_text() for text in (COMPLETE, *GIVEN_UP)), 20)
    if any(text in fresh.log.read_text() for text in GIVEN_UP):
        raise Failed(f"the node did not warp:\n{fresh.tail(100)}")
    wait_final([fresh, known], goal + 2)
    spec = fresh.spec_version()
    if spec != known.spec_version():
        raise Failed(f"the fresh node is at runtime {spec}, the network at {known.spec_version()}")
    story.say(f"the fresh node has final block {goal} and its state {took} s after its start, and follows")
    # The blocks below come afterwards.
    below = known.rpc("chain_getBlockHash", 2)
    wait("blocks below", lambda: fresh.rpc("chain_getBlock", below), 120)
    # Nodes keep the states of 256 final blocks, and the chain is younger: who executed the blocks below has theirs.
    if not has_state(known, below):
        raise Failed(f"{known.name} lacks the state of block 2: the chain is too old to show who executed it")
    if has_state(fresh, below):
        raise Failed("the fresh node has the state of block 2: it executed the blocks below, and did not warp")
    story.say("and has fetched the blocks below, without their states")
    story.keep(synced_s=took, at_block=goal)
    fresh.stop()
    fresh.forget()
