"""Half of the validators make blocks and cast no votes: finality stands still until governance forces a set without them."""

import time

from nodes import VALIDATORS, wait_final
from processes import Failed, wait
from steps import pruned
from steps.equivocation import bond
from steps.traffic import flows

SILENT = ("charlie", "dave")
SESSION_BLOCKS = 10
SESSIONS_WITHOUT_FINALITY = 2
# Blocks from the session that a set is forced in to the change.
DELAY = 3
WARP_MACHINE = 11
SECONDS = 600


def run(story):
    network = story.network
    story.say(f"all four are elected with their bonds in session {bond(story).hear(SECONDS)['session']}")
    story.clients.once("timing.js", network["alice"].url, SESSION_BLOCKS)
    voters = [network[name] for name in VALIDATORS if name not in SILENT]
    alice = voters[0]
    again("--no-grandpa", network=network)
    begun, before = time.monotonic(), sets(story)
    wait("sessions without finality", lambda: sets(story)["session"] >= before["session"] + SESSIONS_WITHOUT_FINALITY, SECONDS, every=10)
    stuck = alice.final()[0]
    story.say(f"{' and '.join(SILENT)} make blocks and cast no votes; block {stuck} is the last final one, {alice.height()} the newest")

    told = story.clients.once("standstill.js", DELAY, ",".join(node.url for node in voters), *(name.capitalize() for name in SILENT))
    story.say(f"the nodes vote in set {told['set']}, the runtime has counted to {told['counted']}; a set is forced after block {told['forced_at']}")
    if told["counted"] <= told["set"]:
        raise Failed(f"the runtime is not ahead of the nodes: nothing of that is shown: {told}")
    if alice.final()[0] != stuck:
        raise Failed(f"block {alice.final()[0]} became final with two of four validators")
    wait(f"a block after {told['forced_at']} to become final", lambda: alice.final()[0] > told["forced_at"], SECONDS)
    still = round(time.monotonic() - begun, 1)
    wait_final(voters, alice.height())
    # The node's set follows the runtime's with the final block that begins a session.
    wait("the runtime and the nodes to count the same set", lambda: agree(sets(story), len(voters)), every=5)
    now = sets(story)
    story.say(f"the two finalise again after {still} s; it is set {now['runtime']} to the runtime and {now['node']} to the nodes")

    again(network=network)
    goal = alice.final()[0]
    wait_final([network[name] for name in VALIDATORS], goal, 300)
    story.say(f"{' and '.join(SILENT)} are not in it; they follow: block {goal} is final on all, the same")
    flows(story)
    pruned.run(story)
    does_not_warp(story)
    slashed = story.clients.once("two-votes.js", alice.url, VALIDATORS[1].capitalize())
    story.say(f"a report of two votes in set {slashed['set']} holds: {VALIDATORS[1]} is slashed by {int(slashed['planck']) / 10**12:,.1f} TRB")
    story.keep(
        stood_still_s=still,
        blocks_without_finality=told["forced_at"] - stuck,
        sets_counted_too_many=told["counted"] - told["set"],
        slashed_planck=int(slashed["planck"]),
    )


def again(*arguments, network):
    """Starts the silent ones again, with other arguments."""
    for name in SILENT:
        network[name].stop()
        network.validator(name, arguments=arguments).ready()


def does_not_warp(story):
    """A forced set ends the chain of proofs. Should a fresh node warp past one some day, docs/governance.md is wrong."""
    fresh = story.network.full("warp", WARP_MACHINE, "--sync", "warp")
    fresh.ready()
    wait("the fresh node to refuse what it is told of sets", lambda: "Bad warp proof" in fresh.log.read_text(), SECONDS)
    if fresh.final()[0] != 0:
        raise Failed(f"the fresh node has final block {fresh.final()[0]}: it warped past a forced set; say so in docs/governance.md")
    story.say("a fresh node does not warp past it")
    fresh.stop()
    fresh.forget()


def agree(sets, validators):
    return sets["runtime"] == sets["node"] and sets["validators"] == validators


def sets(story):
    return story.clients.once("sets.js", story.network["alice"].url)
