"""The `tributary` command line, as a person would use it: every chapter of the demo goes through it."""

import json
import os
import subprocess

from processes import Failed


class Tributary:
    """Runs `tributary --json ...` against one node and store."""

    def __init__(self, binary, node_url, store, folder):
        self.binary = str(binary)
        self.env = {
            **os.environ,
            "TRIBUTARY_NODE": node_url,
            "TRIBUTARY_STORE": str(store),
            "TRIBUTARY_HOME": str(folder / "home"),
        }

    def command(self, *arguments, key=None):
        keyed = ["--key", key] if key else []
        return [self.binary, *keyed, *[str(a) for a in arguments]]

    def __call__(self, *arguments, key=None):
        """The command's JSON answer; its own error message when it fails."""
        command = self.command("--json", *arguments, key=key)
        done = subprocess.run(command, capture_output=True, text=True, env=self.env, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command[1:])} (exit {done.returncode}):\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None
