"""One validator is cut off while three finalise, then two and two while none do; the network heals and agrees."""

import time

from nodes import VALIDATORS, wait_final
from processes import Failed, wait
from steps.traffic import flows

# Several rounds of votes, had there been enough of them.
CUT_SECONDS = 30


def run(story):
    network = story.network
    nodes = {name: network[name] for name in VALIDATORS}
    all_nodes, three = list(nodes.values()), [nodes[name] for name in ("alice", "bob", "charlie")]
    at = three[0].final()[0]
    network.cut(["alice", "bob", "charlie"], ["dave"])
    story.say("cut: alice, bob, charlie | dave")
    wait_final(three, at + 4)
    alone = nodes["dave"].final()[0]
    if alone >= at + 4:
        raise Failed(f"dave alone has final block {alone}: the cut does not cut")
    story.say(f"block {at + 4} is final on three; dave stays at {alone}")
    flows(story)
    one = heal(story, all_nodes)

    at = max(node.final()[0] for node in all_nodes)
    network.cut(["alice", "bob"], ["charlie", "dave"])
    story.say("cut: alice, bob | charlie, dave")
    time.sleep(CUT_SECONDS)
    stuck = max(node.final()[0] for node in all_nodes)
    # What all had voted for before the cut may still become final.
    time.sleep(12)
    now = max(node.final()[0] for node in all_nodes)
    if now != stuck:
        raise Failed(f"block {now} became final with two of four validators on each side")
    sides = [nodes["alice"], nodes["charlie"]]
    heights = [node.height() for node in sides]
    # The newest that both have.
    if len({node.rpc("chain_getBlockHash", min(heights)) for node in sides}) == 1:
        raise Failed(f"both sides have the same block {min(heights)}: the cut does not cut")
    story.say(f"finality stopped at {stuck}; the sides are at blocks {heights[0]} and {heights[1]}, different ones")
    two = heal(story, all_nodes)
    flows(story)
    story.keep(agreed_after_one_s=one, agreed_after_two_s=two)


def heal(story, nodes):
    """Heals, waits until all have the same new final blocks; seconds that took."""
    goal = max(node.height() for node in nodes)
    story.network.heal()
    begun = time.monotonic()
    wait_final(nodes, goal, 300)
    took = round(time.monotonic() - begun, 1)
    wait("peers", lambda: all(node.peers() >= len(nodes) - 1 for node in nodes))
    wait_final(nodes, goal + 2)
    story.say(f"healed: block {goal} is final on all, the same, {took} s later")
    return took
