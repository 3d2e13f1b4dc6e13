"""Half of the validators go for good and finality stands still; governance forces a set without them, and it goes on."""

import time

from nodes import VALIDATORS, wait_final
from processes import Failed, wait
from steps import pruned
from steps.equivocation import bond
from steps.traffic import flows

GONE = ("charlie", "dave")
# The network preset's sessions are short, and half of the slots are empty.
SESSIONS_WITHOUT_FINALITY = 2
DELAY = 3
SECONDS = 600


def run(story):
    network = story.network
    story.say(f"all four are elected with their bonds in session {bond(story).hear(SECONDS)['session']}")
    stay = [network[name] for name in VALIDATORS if name not in GONE]
    alice = stay[0]
    flows(story)
    for name in GONE:
        network[name].kill()
    begun, session = time.monotonic(), sets(story)["session"]
    wait("sessions without finality", lambda: sets(story)["session"] >= session + SESSIONS_WITHOUT_FINALITY, SECONDS, every=2)
    stuck = alice.final()[0]
    story.say(f"{' and '.join(GONE)} got SIGKILL; block {stuck} is the last final one, {alice.height()} the newest")

    told = story.clients.once("standstill.js", alice.url, DELAY, *(name.capitalize() for name in GONE))
    story.say(f"the nodes vote in set {told['set']}, the runtime has counted to {told['counted']}; a set is forced after block {told['forced_at']}")
    if told["counted"] <= told["set"]:
        raise Failed(f"the runtime is not ahead of the nodes: nothing of that is shown: {told}")
    if alice.final()[0] != stuck:
        raise Failed(f"block {alice.final()[0]} became final with two of four validators")
    wait(f"a block after {told['forced_at']} to become final", lambda: alice.final()[0] > told["forced_at"], SECONDS)
    still = round(time.monotonic() - begun, 1)
    wait_final(stay, alice.height())
    # The node's set follows the runtime's with the final block that begins a session.
    wait("the runtime and the nodes to count the same set", lambda: agree(sets(story), len(stay)), every=2)
    now = sets(story)
    story.say(f"the two finalise again after {still} s; it is set {now['runtime']} to the runtime and {now['node']} to the nodes")

    for name in GONE:
        network[name].ready()
    goal = alice.final()[0]
    wait_final([network[name] for name in VALIDATORS], goal, 300)
    story.say(f"{' and '.join(GONE)} are back and follow: block {goal} is final on all, the same")
    flows(story)
    # Not the fresh node that warps: a forced set ends the chain of proofs.
    pruned.run(story)
    story.keep(stood_still_s=still, last_final=stuck, forced_after=told["forced_at"], sets_counted_too_many=told["counted"] - told["set"])


def agree(sets, validators):
    return sets["runtime"] == sets["node"] and sets["validators"] == validators


def sets(story):
    return story.clients.once("sets.js", story.network["alice"].url)
