"""The clients in JavaScript (tests/e2e/src/network): run once for an answer, or kept and talked to line by line."""

import json
import queue
import subprocess
import threading

from processes import MORTAL, Failed

SOURCES = "src/network"


class Clients:
    """Runs them from the folder that has polkadot.js."""

    def __init__(self, modules, folder):
        self.modules, self.folder = modules, folder
        self.kept = []

    def _command(self, script, arguments):
        return [*MORTAL, "node", str(self.modules / SOURCES / script), *map(str, arguments)]

    def once(self, script, *arguments, seconds=300):
        """The JSON of the last line that it prints."""
        command = self._command(script, arguments)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as late:
            said = (late.stderr or b"").decode(errors="replace")[-2_000:]
            raise Failed(f"{script} was not done after {seconds} s:\n{said}") from None
        with (self.folder / "clients.log").open("a") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        if done.returncode != 0 or not done.stdout.strip():
            raise Failed(f"{script} (exit {done.returncode}):\n{done.stdout[-2_000:]}{done.stderr[-3_000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def keep(self, script, *arguments):
        client = Client(script, self._command(script, arguments), self.folder / f"{script}.log")
        self.kept.append(client)
        return client

    def stop(self):
        for client in self.kept:
            client.child.kill()
            client.child.wait()


class Client:
    """A client that stays; its lines of JSON arrive one by one."""

    def __init__(self, name, command, log):
        self.name, self.log = name, log
        with log.open("a") as errors:
            self.child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def hear(self, seconds=300):
        """The next line."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise Failed(f"{self.name} said nothing for {seconds} s (log: {self.log})") from None
        if line is None:
            raise self._stopped()
        if "error" in line:
            raise Failed(f"{self.name}: {line['error']}")
        return line

    def _stopped(self):
        return Failed(f"{self.name} stopped:\n{self.log.read_text()[-3_000:]}")

    def tell(self, command):
        try:
            self.child.stdin.write(f"{command}\n")
            self.child.stdin.flush()
        except OSError:
            # Who waits would take it for a node that gives no answer, and wait on.
            raise self._stopped() from None

    def ask(self, command, seconds=300):
        self.tell(command)
        return self.hear(seconds)
