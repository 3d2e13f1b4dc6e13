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
    # What is old goes when the next block becomes final.
    wait("the old block's state to go", lambda: not has_state(pruned, old), 60)
    story.say(f"the state of block {goal - 2 * KEPT} is gone")
    wait("the old block's body to go", lambda: pruned.rpc("chain_getBlock", old) is None, 60)
    sizes = {node.name: node.disk() for node in (known, pruned)}
    story.say(f"and its body too; the node follows at block {pruned.final()[0]}")
    if pruned.rpc("system_nodeRoles") != ["Full"]:
        raise Failed("the pruned node is a validator")
    story.keep(kept_blocks=KEPT, database_bytes=sizes)
    pruned.stop()
    pruned.forget()


def has_state(node, block):
    """Whether a node can read the state of a block."""
    try:
        node.rpc("state_getKeysPaged", "0x", 1, None, block)
    except Failed as refused:
        if "discarded" not in str(refused) and "UnknownBlock" not in str(refused):
            raise
        return False
    return True
