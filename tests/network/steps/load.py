"""As many transfers, batches and claims as the network takes, and what that costs its nodes."""

import time

from nodes import VALIDATORS
from processes import Failed
from steps import equivocation

DAY = 86_400
# Clients and what they load the network with.
CLIENTS = {"transfers": "transfers", "settlement": "batches and claims"}


def run(story):
    network, seconds = story.network, story.arguments.load_seconds
    if "equivocation" in story.arguments.steps:
        # Elections take two sessions, and may do so meanwhile.
        equivocation.bond(story)
    for name, about, client in prepare(story):
        story.say(f"{about}: {seconds} s each; {client.hear()['doing']}")
        before = measure(story)
        client.tell("go on")
        end = time.monotonic() + 600 + 6 * seconds
        while "doing" in (told := client.hear(max(0, end - time.monotonic()))):
            story.say(f"{about}: {told['doing']}")
        after = measure(story)
        passed = (after["time"] - before["time"]) / 1_000
        growth = {
            "seconds": passed,
            "blocks": after["number"] - before["number"],
            "database_bytes": after["disk"] - before["disk"],
            "database_gib_per_day": round(per_day(after["disk"] - before["disk"], passed) / 1024, 1),
        }
        parts = {load: part for load, part in told.items() if isinstance(part, dict)}
        add_state(story, parts.values())
        for what, meaning in (("lost", "were accepted and are in no block"), ("failed", "are in blocks and failed")):
            found = {load: part[what] for load, part in parts.items() if part.get(what)}
            if found:
                refused = {load: part["refused"] for load, part in parts.items() if part.get("refused")}
                raise Failed(f"{about}: transactions that {meaning}: {found}; refused before: {refused}")
        for load, part in parts.items():
            story.say(f"{load}: {summary(part)}")
            story.keep(**{load: part})
        story.keep(**{f"growth_with_{name}": growth})
    story.keep(memory_mib={name: network[name].memory()[1] for name in VALIDATORS})


def prepare(story):
    """Starts the clients, once: they sign and set up what they can, say so, and send when they are told to."""
    if not story.loads:
        urls = [story.network[name].url for name in VALIDATORS]
        for script, about in CLIENTS.items():
            client = story.clients.keep(f"{script}.js", "--seconds", story.arguments.load_seconds, "--wait", "yes", *urls)
            story.loads.append((script, about, client))
    return story.loads


def measure(story):
    """A node's newest final block, and what its database takes."""
    alice = story.network["alice"]
    return {**story.clients.once("state.js", "block", alice.url), "disk": alice.disk()}


def add_state(story, parts):
    """Adds to each load what its blocks added to the state. At once: nodes keep the states of 256 final blocks."""
    ends = [block for part in parts for block in (part.pop("from"), part.pop("to"))]
    sizes = story.clients.once("state.js", "size", story.network["alice"].url, *ends)
    for part, before, after in zip(parts, sizes[::2], sizes[1::2]):
        grown = after["bytes"] - before["bytes"]
        part.update(
            state_bytes=grown,
            state_items=after["items"] - before["items"],
            state_mib_per_day=per_day(grown, part["seconds"]),
        )


def per_day(growth, seconds):
    """MiB."""
    return round(growth / max(seconds, 1) * DAY / 2**20, 1)


def summary(part):
    rate = next(f"{value:,} {name.removesuffix('_per_s')} a second" for name, value in part.items() if name.endswith("_per_s"))
    inclusion, finality = part["inclusion"], part["finality"]
    return (
        f"{rate}, in a block after {inclusion['p50_s']} s (p95 {inclusion['p95_s']}), final after {finality['p50_s']} s"
        f" (p95 {finality['p95_s']}), blocks {part['block_fullness_percent']['mean']} % full"
    )
