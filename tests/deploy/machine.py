"""Where things are, the real programs, and a development node that makes and finalises blocks."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))

from processes import Process, free_port, get, get_json  # noqa: E402

NODE = Path(os.environ["NODE"])
WORKER = os.environ.get("WORKER")


def flags(program, *command):
    """Every long flag that the program's help names."""
    help_text = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][a-z0-9-]*", help_text))


def flags_in(words):
    return {word.split("=")[0] for word in words if word.startswith("--")}


class DevNode(Process):
    """Alice alone: Aura and GRANDPA, metrics, RPC with every method."""

    def __init__(self, base, *more):
        self.rpc_port, self.metrics_port = free_port(), free_port()
        super().__init__(
            "tributary-node",
            [NODE, "--dev", "--sealing", "none", "--base-path", base, "--rpc-port", self.rpc_port, "--port", free_port(),
             "--prometheus-port", self.metrics_port, "--no-telemetry", *more],
            Path(tempfile.mkdtemp(prefix="tributary-deploy-")) / "node.log",
        )

    def rpc(self, method, *params):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = get_json(
            f"http://127.0.0.1:{self.rpc_port}", data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def ready(self):
        return self.start().wait_for(lambda: self.rpc("system_health"), 60, "answering RPC")

    def finalises(self):
        def final():
            head = self.rpc("chain_getHeader", self.rpc("chain_getFinalizedHead"))
            return int(head["number"], 16) > 0

        return self.wait_for(final, 60, "finalising a block")

    def metrics(self):
        """Samples by name."""
        return get(f"http://127.0.0.1:{self.metrics_port}/metrics").decode()
