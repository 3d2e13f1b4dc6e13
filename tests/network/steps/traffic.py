"""Traffic starts, through all four validators; until the last step, nothing that was accepted may be lost."""

from nodes import VALIDATORS
from processes import Failed, wait

# Something every so many milliseconds: transfers and remarks in turns.
EVERY = 750


def run(story):
    urls = [story.network[name].url for name in VALIDATORS]
    story.traffic = story.clients.keep("traffic.js", "--every", EVERY, *urls)
    story.traffic.hear()
    flows(story, 10)


def flows(story, more=8):
    """Waits until so many more transactions are final."""
    before = story.traffic.ask("status")["final"]
    wait(f"{more} more transactions of the traffic", lambda: story.traffic.ask("status")["final"] >= before + more, every=2)
    told = story.traffic.ask("status")
    story.say(f"traffic: {told['final']} of {told['accepted']} are final, the oldest other is {told['oldest_open_s']} s old")


def finish(story):
    told = story.traffic.ask("stop", seconds=400)
    if told["lost"] or told["wrong"] or told["doubled"]:
        raise Failed(f"traffic was lost or doubled: {told}")
    told.pop("lost"), told.pop("wrong")
    story.say(f"traffic: all {told['accepted']} accepted transactions are final, none lost, none twice")
    story.keep(**told)
