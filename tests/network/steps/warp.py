"""A fresh node warp-syncs: it has the newest final state, from proofs, before the blocks below."""

import time

from nodes import wait_final
from processes import Failed, wait

MACHINE = 11


def run(story):
    network = story.network
    known = network["alice"]
    goal = known.final()[0]
    fresh = network.full("warp", MACHINE, "--sync", "warp")
    begun = time.monotonic()
    fresh.ready()
    wait(f"final block {goal} on the fresh node", lambda: fresh.final()[0] >= goal)
    took = round(time.monotonic() - begun, 1)
    log = fresh.log.read_text()
    if "Warp sync is complete" not in log:
        raise Failed(f"the node did not warp:\n{fresh.tail()}")
    wait_final([fresh, known], goal + 2)
    spec = fresh.spec_version()
    if spec != known.spec_version():
        raise Failed(f"the fresh node is at runtime {spec}, the network at {known.spec_version()}")
    story.say(f"the fresh node has final block {goal} and its state {took} s after its start, and follows")
    # The blocks below come afterwards.
    wait("blocks below", lambda: fresh.rpc("chain_getBlock", fresh.rpc("chain_getBlockHash", 2)), 120)
    story.say("and has fetched the blocks below")
    story.keep(synced_s=took, at_block=goal)
    fresh.stop()
    fresh.forget()
