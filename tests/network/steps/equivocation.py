"""A validator runs twice with the same keys: the chain learns of its double blocks or votes and slashes its stake."""

import time

from nodes import VALIDATORS, wait_final
from processes import Failed, wait
from steps.traffic import flows

CULPRIT, TWIN, TWIN_MACHINE = "dave", "dave-twin", 5
PALLETS = ("validators", "offences")
SLASHED, OFFENCE = "validators.Slashed", "offences.Offence"
SLASHED_SECONDS = 300
# What a node logs when it sees two votes in one round, or two blocks for one slot, of one validator.
EVIDENCE = {"votes": "equivocation in the finality worker", "blocks": "an author made two blocks for slot"}


def run(story):
    network = story.network
    bonded = bond(story).hear(600)
    story.say(f"all four have bonded at least {int(bonded['stake']) // 10**12:,} TRB and are elected with it in session {bonded['session']}")
    # Otherwise one side of the cut may still be in the session before, in which nothing is at stake.
    wait_final([network[name] for name in VALIDATORS], bonded["block"] + 1)
    events = story.clients.keep("watch.js", network["alice"].url, *PALLETS)
    events.hear()
    events.tell(f"from {network['alice'].height()}")
    evidence = equivocate(story)
    offences, slashed, end = 0, None, time.monotonic() + SLASHED_SECONDS
    # Events come with every session, so silence alone does not end this; the slash is announced before its offence.
    while slashed is None or not offences:
        if time.monotonic() > end:
            raise Failed(f"nobody was slashed within {SLASHED_SECONDS} s; {offences} offences were reported")
        event = events.hear(SLASHED_SECONDS)
        offences += event["event"] == OFFENCE
        if event["event"] == SLASHED:
            slashed = event
    culprit = story.clients.once("account.js", network["alice"].url, CULPRIT.capitalize())
    if slashed["data"]["candidate"] != culprit["address"]:
        raise Failed(f"another than {CULPRIT} was slashed: {slashed}")
    amount = int(slashed["data"]["amount"], 16) if isinstance(slashed["data"]["amount"], str) else slashed["data"]["amount"]
    if amount <= 0:
        raise Failed(f"the offence cost nothing: {slashed}")
    story.say(f"block {slashed['block']}: {CULPRIT} is slashed by {amount / 10**12:,.1f} TRB after {offences} reported offence(s)")
    network[TWIN].stop()
    network[TWIN].forget()
    at = network["alice"].final()[0]
    wait_final([network[name] for name in VALIDATORS], at + 3)
    flows(story)
    story.keep(logged=evidence, staked_planck=int(bonded["stake"]), slashed_planck=amount)


def bond(story):
    """Begins to bond the validators, once; the client answers when they are elected with what they have at stake."""
    if story.bonding is None:
        names = [name.capitalize() for name in VALIDATORS]
        story.bonding = story.clients.keep("bond.js", story.network["alice"].url, *names)
    return story.bonding


def equivocate(story):
    """Lets the culprit vote twice in one round of finality, on two sides; what the others saw then."""
    network = story.network
    nodes = [network[name] for name in VALIDATORS]
    twin = network.validator(CULPRIT, TWIN_MACHINE, TWIN)
    # Two of four votes on each side and the fourth on none: both sides wait in the same round.
    network.cut(["alice", CULPRIT], ["bob", TWIN], ["charlie"])
    twin.ready()
    story.say(f"cut: alice, {CULPRIT} | bob, {TWIN} | charlie")
    wait(f"{TWIN} to have bob's blocks", lambda: network["bob"].height() > 0 and twin.height() >= network["bob"].height() - 1)
    # The twins have the same slots, every other one that their side fills: each makes blocks of its own in them, and votes
    # for its side's.
    ends = {name: network[name].height() + 4 for name in ("alice", "bob")}
    for name, height in ends.items():
        wait(f"{name}: block {height}", lambda: network[name].height() >= height, 300)
    honest = [node for node in nodes if node.name != CULPRIT]
    marks = {node.name: node.log.stat().st_size for node in honest}
    network.heal()
    story.say("healed")

    def seen():
        lines = [line for node in honest for line in node.log.read_bytes()[marks[node.name] :].decode(errors="replace").splitlines()]
        return {kind: sum(text in line for line in lines) for kind, text in EVIDENCE.items()}

    wait("an equivocation in a log", lambda: any(seen().values()), 240)
    # The other kind comes at once or never.
    time.sleep(6)
    found = seen()
    story.say(f"the others logged {found['votes']} double votes and {found['blocks']} double blocks of {CULPRIT}")
    goal = max(node.height() for node in nodes)
    wait_final(nodes, goal, 300)
    return found
