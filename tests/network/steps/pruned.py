"""A full node that is no validator follows, and keeps only the newest blocks and states."""

from nodes import wait_final
from processes import Failed, wait

MACHINE = 12
KEPT = 16


def run(story):
    network = story.network
    known = network["alice"]
    pruned = network.full("pruned", MACHINE, "--state-pruning", KEPT, "--blocks-pruning", KEPT)
    pruned.ready()
    goal = max(known.final()[0], 3 * KEPT)
    wait_final([pruned, known], goal, 300)
    newest = pruned.final()[1]
    pruned.rpc("state_getKeysPaged", "0x", 1, None, newest)
    old = known.rpc("chain_getBlockHash", goal - 2 * KEPT)
    try:
        pruned.rpc("state_getKeysPaged", "0x", 1, None, old)
    except Failed as refused:
        story.say(f"the state of block {goal - 2 * KEPT} is gone ({str(refused)[:100]})")
    else:
        raise Failed(f"the node keeps the state of block {goal - 2 * KEPT}, more than {KEPT} below the final one")
    wait("the old block's body to go", lambda: pruned.rpc("chain_getBlock", old) is None, 60)
    sizes = {node.name: node.disk() for node in (known, pruned)}
    story.say(f"and its body too; the node follows at block {pruned.final()[0]}")
    if pruned.rpc("system_nodeRoles") != ["Full"]:
        raise Failed("the pruned node is a validator")
    story.keep(kept_blocks=KEPT, database_bytes=sizes)
