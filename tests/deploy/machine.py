"""Where things are, the real programs, and a development node that makes and finalises blocks."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))

from processes import DevNode, free_port, get  # noqa: E402

NODE = Path(os.environ["NODE"])
WORKER = os.environ.get("WORKER")


def flags(program, *command):
    """Every long flag that the program's help names."""
    help_text = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][a-z0-9-]*", help_text))


def flags_in(words):
    return {word.split("=")[0] for word in words if word.startswith("--")}


class Validator(DevNode):
    """Alice alone: Aura and GRANDPA, metrics, RPC with every method."""

    def __init__(self, base):
        self.metrics_port = free_port()
        super().__init__(NODE, base, "none", self.metrics_port)

    def finalises(self):
        return self.wait_for("finalising a block", lambda: self.final()[0] > 0, 60)

    def metrics(self):
        """As Prometheus reads them."""
        return get(f"http://127.0.0.1:{self.metrics_port}/metrics").decode()
