"""Starts and stops the real processes: node, worker and proxy."""

import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path


class Failed(Exception):
    """Something a person must look at; the message says what and where."""


_given = set()


def free_port():
    """A port that nobody listens on and that was not given out before.

    It lies below the range that Linux takes ports of outgoing connections from, so that none of them gets in between.
    """
    for port in random.sample(range(20_000, 32_000), 1_000):
        with socket.socket() as server:
            try:
                server.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise Failed("1,000 ports between 20000 and 32000 were tried and all are taken: stop what listens on them")


def get(url, timeout=5, data=None, headers=None):
    """GET (or POST when there is data), as bytes."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def get_json(url, **options):
    return json.loads(get(url, **options))


class Process:
    """One child process with its log file. It dies with this object."""

    def __init__(self, name, command, log, env=None):
        self.name, self.command, self.log = name, [str(part) for part in command], Path(log)
        self.env = {**os.environ, **(env or {})}
        self.child = None

    def start(self):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env, start_new_session=True
            )
        return self

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def wait_for(self, check, seconds, what):
        """Waits until check() is true; says where the log is when it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive():
                raise Failed(f"{self.name} stopped (exit {self.child.returncode}):\n{self.tail()}")
            try:
                if check():
                    return self
            except (OSError, ValueError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        raise Failed(f"{self.name}: {what} did not happen within {seconds} s:\n{self.tail()}")

    def tail(self, lines=25):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) + f"\n(log: {self.log})"

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.alive():
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def stop(self, seconds=40):
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()


class Node(Process):
    """A development node that makes a block for each transaction and a heartbeat."""

    def __init__(self, binary, folder, heartbeat=500):
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.http = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "tributary-node",
            [binary, "--dev", "--base-path", folder / "node", "--sealing", f"interval={heartbeat}",
             "--rpc-port", self.port, "--port", free_port(), "--no-prometheus", "--no-telemetry"],
            folder / "node.log",
        )

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = get_json(self.http, data=body, headers={"content-type": "application/json"})
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def height(self):
        return int(self.rpc("chain_getHeader")["number"], 16)

    def ready(self):
        return self.start().wait_for(lambda: self.height() >= 0, 60, "answering RPC")


class Worker(Process):
    """A worker; its configuration is written beside its data. It settles soon, so that nobody has to wait."""

    def __init__(self, binary, folder, port, node, operator, service_uri, model, batch_records, batch_seconds):
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "worker.toml"
        self.config.write_text(f"""\
data = "{folder / 'worker'}"
[server]
listen = "127.0.0.1:{port}"
[chain]
url = "{node.url}"
operator = "{operator}"
service_uri = "{service_uri}"
refresh_secs = 1
[store]
url = "{folder / 'store'}"
[model]
path = "{Path(model).resolve()}"
[settlement]
records = {batch_records}
age_secs = {batch_seconds}
""")
        super().__init__("tributary-worker", [binary, "run", "--config", self.config], folder / "worker.log")

    def ready(self, agents=0, seconds=120):
        """Waits until it serves at least so many agents."""
        return self.start().wait_for(
            lambda: len(get_json(f"{self.url}/v1/models")["data"]) >= agents, seconds, f"serving {agents} agents"
        )


class Proxy(Process):
    """The payer's local OpenAI endpoint."""

    def __init__(self, command, folder, port, env=None):
        self.url = f"http://127.0.0.1:{port}"
        super().__init__("tributary proxy", command, folder / "proxy.log", env)

    def ready(self):
        return self.start().wait_for(lambda: get(f"{self.url}/v1/models"), 60, "answering")
