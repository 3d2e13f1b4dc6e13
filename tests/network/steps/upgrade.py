"""The runtime of the current tree replaces the last release's while traffic flows; nothing stalls, nothing is lost."""

import threading
import time

import specification
from nodes import VALIDATORS, wait_final
from processes import NO_ANSWER, Failed
from steps.traffic import flows

# Longest time without a new block, seconds. A block is 6 s, and all four nodes compile the new runtime on the cores they
# share; the published run had 26 s.
STALLED = 90


class Pulse(threading.Thread):
    """Watches the best and final blocks of a node: the longest times without a new one."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.done = node, threading.Event()
        self.gaps = {"best": 0.0, "final": 0.0}
        # By kind: the newest block, and since when it is that.
        self.seen = {kind: (None, time.monotonic()) for kind in self.gaps}

    def run(self):
        while not self.done.wait(0.25):
            try:
                now = {"best": self.node.height(), "final": self.node.final()[0]}
            except (*NO_ANSWER, Failed):
                continue
            for kind, height in now.items():
                known, since = self.seen[kind]
                if height != known:
                    self.gaps[kind] = max(self.gaps[kind], time.monotonic() - since)
                    self.seen[kind] = (height, time.monotonic())

    def stop(self):
        """Ends it. The longest times, with those that have not ended."""
        if not self.is_alive():
            raise Failed("what watched the blocks ended before it was told to")
        ended = time.monotonic()
        self.done.set()
        # Longer than a node that gives no answer is waited for.
        self.join(70)
        return {kind: max(gap, ended - self.seen[kind][1]) for kind, gap in self.gaps.items()}


def run(story):
    network = story.network
    validators = [network[name] for name in VALIDATORS]
    code = story.folder / "runtime.hex"
    code.write_text(specification.runtime(story.arguments.upgrade_to or story.arguments.node))
    pulse = Pulse(validators[0])
    pulse.start()
    before = validators[0].spec_version()
    told = story.clients.once("upgrade.js", validators[0].url, code)
    story.say(f"block {told['block']} carried the code: runtime {told['before']} became {told['after']}")
    wait_final(validators, told["block"] + 5)
    gaps = pulse.stop()
    for validator in validators:
        if validator.spec_version() <= before:
            raise Failed(f"{validator.name} is still at runtime {before}")
    story.say(
        f"block {told['block'] + 5} is final on all; longest without a new block {gaps['best']:.1f} s,"
        f" without a new final block {gaps['final']:.1f} s"
    )
    if max(gaps.values()) > STALLED:
        raise Failed(f"the network stood still for longer than {STALLED} s")
    flows(story)
    longest = {f"longest_without_{kind}_block_s": round(gap, 1) for kind, gap in gaps.items()}
    story.keep(spec_before=told["before"], spec_after=told["after"], **longest)
