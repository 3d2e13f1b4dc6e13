"""The real processes, how they are started, asked, waited for and stopped: the demo and all tests stand on this."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A command that begins so does not outlive this program, however that ends.
MORTAL = ("setpriv", "--pdeathsig", "KILL", "--")
# Seconds within which nothing fails to happen when all is well, on a machine that does other things too.
PATIENCE = 180
# What asking a process meets that starts, stops or is gone.
NO_ANSWER = (OSError, ValueError, http.client.HTTPException)


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


def wait(what, done, seconds=PATIENCE, every=0.3):
    """Until done() is true; what it then was. Who gives no answer is asked again."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer, why = done(), ""
        except NO_ANSWER as error:
            answer, why = None, f" ({error})"
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen within {seconds} s{why}")
        time.sleep(every)


class Process:
    """One child process with its log file."""

    def __init__(self, name, command, log, env=None):
        self.name, self.command, self.log = name, [*MORTAL, *(str(part) for part in command)], Path(log)
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

    def wait_for(self, what, done, seconds):
        """`wait`, until the process stops; when it was in vain, the message has the end of the log."""

        def still():
            if not self.alive():
                raise Failed(f"stopped (exit {self.child.returncode})")
            return done()

        try:
            wait(what, still, seconds, every=0.1)
        except Failed as failure:
            raise Failed(f"{self.name}: {failure}:\n{self.tail()}") from None
        return self

    def ended(self, seconds):
        """Its exit status, when it ends by itself."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} goes on after {seconds} s:\n{self.tail()}") from None

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
    """A node of any chain, and its RPC."""

    def __init__(self, name, command, log, port, host="127.0.0.1"):
        self.port = port
        self.url, self.http = f"ws://{host}:{port}", f"http://{host}:{port}"
        super().__init__(name, command, log)

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = get_json(self.http, data=body, headers={"content-type": "application/json"}, timeout=20)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def height(self, block=None):
        return int(self.rpc("chain_getHeader", *([block] if block else []))["number"], 16)

    def final(self):
        """(number, hash) of the newest final block."""
        head = self.rpc("chain_getFinalizedHead")
        return self.height(head), head

    def answers(self, seconds=PATIENCE):
        return self.wait_for("answering RPC", lambda: self.height() >= 0, seconds)

    def ready(self):
        return self.start().answers()


class DevNode(Node):
    """A development node. Unless told otherwise it makes a block for each transaction, and one as a heartbeat."""

    def __init__(self, binary, base, sealing="interval=500", metrics_port=None):
        port = free_port()
        metrics = ("--prometheus-port", metrics_port) if metrics_port else ("--no-prometheus",)
        super().__init__(
            "tributary-node",
            [binary, "--dev", "--base-path", base, "--sealing", sealing, "--rpc-port", port, "--port", free_port(),
             "--no-telemetry", *metrics],
            base.with_suffix(".log"),
            port,
        )


class Worker(Process):
    """A worker; its configuration is written beside its data. It settles soon, so that nobody has to wait."""

    def __init__(self, binary, folder, port, nodes, operator, service_uri, model, batch_records, batch_seconds):
        self.binary, self.url = binary, f"http://127.0.0.1:{port}"
        self.config = folder / "worker.toml"
        self.config.write_text(f"""\
data = "{folder / 'worker'}"
[server]
listen = "127.0.0.1:{port}"
[chain]
urls = {json.dumps([node.url for node in nodes])}
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
        return self.start().wait_for(f"serving {agents} agents", lambda: len(self.agents()) >= agents, seconds)

    def agents(self):
        """Names of the agents that it serves."""
        return [model["id"] for model in get_json(f"{self.url}/v1/models")["data"]]

    def unsettled(self):
        """Number of its records that are in no batch."""
        return get_json(f"{self.url}/health")["unsettled"]["records"]

    def request(self, datanet):
        """Asks for a grant to retrieve; the command that was run."""
        command = [self.binary, "request", str(datanet), "--config", self.config]
        return subprocess.run(command, capture_output=True, text=True)


class Proxy(Process):
    """The payer's local OpenAI endpoint."""

    def __init__(self, tributary, operator, payer, folder):
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        command = tributary.command("proxy", "--worker", operator, "--listen", address, key=payer)
        super().__init__("tributary proxy", command, folder / "proxy.log", tributary.env)

    def ready(self):
        return self.start().wait_for("answering", lambda: get(f"{self.url}/v1/models"), 60)


class ToolServer(Process):
    """An MCP server over streamable HTTP, made with the official Python SDK; its tool knows the levels of rivers."""

    def __init__(self, folder):
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}/"
        self.url = f"{self.origin}mcp"
        script = ROOT / "tests" / "flows" / "river_server.py"
        super().__init__("MCP server", [sys.executable, "-B", script, "--port", port], folder / "mcp.log")

    def ready(self):
        return self.start().wait_for("listening", lambda: self.url in self.tail(), 60)
