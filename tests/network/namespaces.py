"""Gives each machine of the test network an address of its own, and cuts the network into parts.

In namespaces each machine has two cables: one to the other nodes (10.77.0.0/24), which can be cut, and one to its
clients (10.78.0.0/24), which never is. All of it hangs on the process that `run_inside` starts: when that ends, however
it ends, the kernel takes namespaces and processes away. Where namespaces are forbidden, machines are loopback addresses,
which cannot be cut.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from processes import Failed

UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
NAMES = Path("/run/netns")
# Where a user may not write, an empty folder covers what is there: in these namespaces only.
COVER = ["mount", "-t", "tmpfs", "names", str(NAMES.parent)]
PROBE = f"{' '.join(COVER)} && ip link add probe type bridge && ip netns add probe"


def enclosure():
    """How to run a command in namespaces of its own: as root, else as a user who may; None when neither works."""
    for command in (UNSHARE, [*UNSHARE, "--user", "--map-root-user"]):
        try:
            if subprocess.run([*command, "sh", "-c", PROBE], capture_output=True, timeout=20).returncode == 0:
                return command
        except (OSError, subprocess.TimeoutExpired):
            return None
    return None


def add_arguments(parser):
    parser.add_argument("--loopback", action="store_true", help="use loopback addresses even where namespaces can be made")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)


def run_inside(folder, arguments):
    """Runs this program again with `--inside FOLDER`, in namespaces where they can be made; its exit status."""
    way = None if arguments.loopback else enclosure()
    if not way and not arguments.loopback:
        print("    network namespaces cannot be made here: loopback addresses instead, and steps that cut fail", flush=True)
    return enclosed([*(way or []), sys.executable, "-B", *sys.argv, "--inside", str(folder), *([] if way else ["--loopback"])])


def enclosed(command):
    """Runs a command; its exit status. A signal to this process ends it, and so does the end of its standard input, which
    nothing is written to: this process's own end."""

    def end(number, _):
        # Not here: the handler may have interrupted the wait for the same child.
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        try:
            return child.wait()
        except SystemExit as ended:
            return ended.code
        finally:
            child.kill()


def fabric(arguments):
    """The machines, for a process that `run_inside` started; from now on it ends with that one."""

    def end_together():
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    threading.Thread(target=end_together, daemon=True).start()
    return Loopback() if arguments.loopback else Namespaces()


def ip(*arguments):
    done = subprocess.run(["ip", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"ip {' '.join(map(str, arguments))}: {done.stderr.strip()}")


class Loopback:
    """Machines are addresses of the loopback device."""

    can_cut = False
    kind = "loopback addresses"

    def peer_address(self, number):
        return f"127.77.0.{number}"

    def client_address(self, number):
        return f"127.78.0.{number}"

    def machine(self, number):
        """What a command must begin with to run on a machine."""
        return []

    def cut(self, *sides):
        raise Failed(
            "the network cannot be cut on this machine: neither root nor a user may make network namespaces here."
            " Run as root, allow user namespaces, or leave out the steps that cut with --steps"
        )

    def heal(self):
        pass


class Namespaces:
    """Machines are network namespaces. Only for a process in such."""

    can_cut = True
    kind = "network namespaces"

    def __init__(self):
        self.machines, self.bridges = [], set()
        subprocess.run(COVER, check=True)
        ip("link", "set", "lo", "up")
        self._bridge("side0")
        self._bridge("clients")
        ip("address", "add", f"{self.client_address(254)}/24", "dev", "clients")

    def _bridge(self, name):
        ip("link", "add", name, "type", "bridge")
        ip("link", "set", name, "up")
        self.bridges.add(name)

    def peer_address(self, number):
        return f"10.77.0.{number}"

    def client_address(self, number):
        return f"10.78.0.{number}"

    def machine(self, number):
        """What a command must begin with to run on a machine; makes the machine."""
        name = f"machine{number}"
        if number not in self.machines:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
            for cable, bridge, address in (
                ("peers", "side0", self.peer_address(number)),
                ("clients", "clients", self.client_address(number)),
            ):
                ip("link", "add", f"{cable}{number}", "type", "veth", "peer", "name", cable, "netns", name)
                ip("link", "set", f"{cable}{number}", "master", bridge, "up")
                ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
                ip("-n", name, "link", "set", cable, "up")
            self.machines.append(number)
        return ["nsenter", f"--net={NAMES / name}"]

    def cut(self, *sides):
        """Divides the nodes' network: machines reach those of their own side only. Who is on no side stays on the first."""
        for number, side in enumerate(sides):
            bridge = f"side{number}"
            if bridge not in self.bridges:
                self._bridge(bridge)
            for machine in side:
                ip("link", "set", f"peers{machine}", "master", bridge)

    def heal(self):
        """Everyone reaches everyone again."""
        for machine in self.machines:
            ip("link", "set", f"peers{machine}", "master", "side0")
