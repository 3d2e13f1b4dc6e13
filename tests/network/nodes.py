"""The nodes of the test network: starting, stopping, asking, waiting."""

import json
import shutil
import subprocess
from pathlib import Path

from processes import PATIENCE, Failed, Node, wait

RPC_PORT, PEER_PORT = 9944, 30333
VALIDATORS = ("alice", "bob", "charlie", "dave")
# Transactions that a pool has room for: several full blocks, so that load measures the chain.
POOL = 32_768


class Peer(Node):
    """A node of the network, on a machine of its own."""

    def __init__(self, network, number, name, arguments=(), label=None):
        self.number = number
        label = label or name
        self.base = network.folder / label
        address = network.fabric.client_address(number)
        command = [
            *network.fabric.machine(number), network.binary, "--chain", network.spec, "--base-path", self.base, "--name", label,
            "--node-key", network.node_key(number), "--listen-addr", network.peer_path(number),
            "--public-addr", network.peer_path(number), "--experimental-rpc-endpoint",
            f"listen-addr={address}:{RPC_PORT},methods=unsafe,max-connections=200",
            "--no-mdns", "--no-telemetry", "--no-prometheus", "--pool-limit", POOL,
            *(part for peer in network.bootnodes if peer != number for part in ("--bootnodes", network.peer(peer))),
            *arguments,
        ]  # fmt: skip
        super().__init__(label, command, network.folder / f"{label}.log", RPC_PORT, address)

    def spec_version(self):
        return self.rpc("state_getRuntimeVersion")["specVersion"]

    def peers(self):
        return self.rpc("system_health")["peers"]

    def memory(self):
        """(resident now, most ever) in MiB; None for a process that is gone."""
        if not self.alive():
            return None
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines())
        return tuple(int(lines[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))

    def disk(self):
        """Bytes of its database."""
        return int(subprocess.run(["du", "-s", "-B1", self.base], capture_output=True, text=True).stdout.split()[0])

    def forget(self):
        """Deletes its database."""
        shutil.rmtree(self.base, ignore_errors=True)


class Network:
    """All nodes, and what they share."""

    def __init__(self, fabric, binary, spec, folder):
        self.fabric, self.binary, self.spec, self.folder = fabric, binary, spec, folder
        self.bootnodes = range(1, len(VALIDATORS) + 1)
        self.nodes = {}
        self._peers = {}

    def node_key(self, number):
        return f"{number:064x}"

    def peer_path(self, number):
        return f"/ip4/{self.fabric.peer_address(number)}/tcp/{PEER_PORT}"

    def peer(self, number):
        """The full address of a node, with its id."""
        if number not in self._peers:
            key = self.folder / "node-key"
            key.write_text(self.node_key(number))
            command = [self.binary, "key", "inspect-node-key", "--file", key]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise Failed(f"the node did not tell its peer id: {done.stderr}")
            self._peers[number] = done.stdout.strip()
        return f"{self.peer_path(number)}/p2p/{self._peers[number]}"

    def validator(self, name, number=None, label=None, arguments=()):
        """A validator with a well-known key, on its usual machine or another."""
        number = number or VALIDATORS.index(name) + 1
        return self.add(Peer(self, number, name, (f"--{name}", *arguments), label))

    def full(self, name, number, *arguments):
        return self.add(Peer(self, number, name, arguments))

    def validators(self):
        """All of them, started."""
        made = [self.validator(name).start() for name in VALIDATORS]
        return [validator.answers() for validator in made]

    def add(self, node):
        self.nodes[node.name] = node
        return node

    def __getitem__(self, name):
        return self.nodes[name]

    def cut(self, *sides):
        """Cuts the network; sides are lists of node names."""
        self.fabric.cut(*[[self[name].number for name in side] for side in sides])

    def heal(self):
        self.fabric.heal()

    def running(self):
        return [node for node in self.nodes.values() if node.alive()]

    def stop(self):
        for node in self.running():
            node.child.terminate()
        for node in self.running():
            node.stop(20)


def wait_final(nodes, height, seconds=PATIENCE):
    """Until the nodes have that final block, and it is the same one."""
    for node in nodes:
        wait(f"{node.name}: final block {height}", lambda: node.final()[0] >= height, seconds)
    hashes = {node.name: node.rpc("chain_getBlockHash", height) for node in nodes}
    if len(set(hashes.values())) != 1:
        raise Failed(f"final blocks {height} differ: {json.dumps(hashes)}")
    return hashes[nodes[0].name]
