"""One validator is killed, finality goes on, it returns and catches up."""

import time

from nodes import VALIDATORS, wait_final
from steps.traffic import flows


def run(story):
    network = story.network
    victim = network["charlie"]
    others = [network[name] for name in VALIDATORS if name != "charlie"]
    victim.kill()
    at = others[0].final()[0]
    story.say(f"charlie got SIGKILL; block {at} is final")
    wait_final(others, at + 5)
    story.say(f"block {at + 5} is final on the other three")
    flows(story)
    begun = time.monotonic()
    victim.ready()
    goal = others[0].final()[0]
    wait_final([victim, *others], goal)
    caught_up = round(time.monotonic() - begun, 1)
    story.say(f"charlie is back and has final block {goal}, the same, {caught_up} s after its start")
    wait_final([victim, *others], goal + 3)
    story.keep(blocks_without=5, caught_up_s=caught_up)
