"""The validator's compose file gives away nothing, and names flags that the node has."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from machine import NODE, ROOT, Validator, flags, flags_in

FILE = ROOT / "docker-compose.validator.yml"
GIVEN = {
    "TRIBUTARY_CHAIN_SPEC": "/etc/tributary/chain-spec.json",
    "TRIBUTARY_KEYS": "/etc/tributary/keys",
    "TRIBUTARY_PUBLIC_ADDR": "/ip4/203.0.113.7/tcp/30333",
}
KEYS = ("/keys", "/chain-spec.json")


def resolved(given=GIVEN):
    """The file as docker-compose understands it."""
    return subprocess.run(
        ["docker-compose", "-f", FILE, "--profile", "keys", "--profile", "metrics", "config"],
        capture_output=True, text=True, cwd=ROOT, env={"PATH": os.environ["PATH"], **given},
    )


def published(service):
    """Ports as host:container; docker-compose prints some of them as mappings."""
    return [
        f"{port['published']}:{port['target']}" if isinstance(port, dict) else port.split("/")[0] for port in service["ports"]
    ]


class LocalNetwork(unittest.TestCase):
    def test_network_of_known_keys_is_open_to_this_machine_only(self):
        done = subprocess.run(
            ["docker-compose", "-f", ROOT / "docker-compose.yml", "config"], capture_output=True, text=True, cwd=ROOT
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        services = yaml.safe_load(done.stdout)["services"]
        for port in [port for service in services.values() for port in service.get("ports", [])]:
            self.assertTrue(str(port).startswith("127.0.0.1:"), port)
        for name in ("alice", "bob", "charlie"):
            with self.subTest(name):
                self.assertEqual(flags_in(services[name]["command"].split()) - flags(NODE), set())


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = resolved()
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.services = yaml.safe_load(done.stdout)["services"]
        cls.validator = cls.services["validator"]

    def test_flags_exist(self):
        keys = self.services["keys"]["environment"]["TRIBUTARY_SESSION_KEYS_ARGS"].split()
        self.assertEqual(flags_in(self.validator["command"] + keys) - flags(NODE), set())

    def test_rpc_stays_inside_and_safe(self):
        command = self.validator["command"]
        self.assertIn("--rpc-methods=safe", command)
        self.assertEqual(
            flags_in(command) & {"--rpc-external", "--unsafe-rpc-external", "--rpc-cors", "--dev", "--node-key"}, set()
        )

    def test_only_the_port_of_peers_is_open(self):
        self.assertEqual(published(self.validator), ["30333:30333"])
        for port in published(self.services["prometheus"]):
            self.assertTrue(port.startswith("127.0.0.1:"), port)
        self.assertEqual(self.services["keys"]["network_mode"], "none")

    def test_container_has_no_rights(self):
        for name in ("validator", "keys"):
            service = self.services[name]
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["user"], "1000:1000")
                self.assertIn("no-new-privileges:true", service["security_opt"])

    def test_keys_are_mounted_and_the_validator_cannot_write_them(self):
        mounts = [mount.rsplit(":", 2) for mount in self.validator["volumes"]]
        modes = {target: mode for _, target, mode in mounts}
        for target in KEYS:
            self.assertEqual(modes[target], "ro")
        # Nothing of it gets into an image.
        self.assertEqual(re.findall(r"(?i)^\s*(?:COPY|ADD)\b.*\bkey", (ROOT / "Dockerfile").read_text(), re.MULTILINE), [])

    def test_keys_in_the_checkout_get_into_no_image_and_no_commit(self):
        paths = [".env", "keys/any", "mine/keystore/61757261", "mine/node-key", "network/secret_ed25519", "validator.tar.age"]
        ignored = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True).stdout
        self.assertEqual(ignored.splitlines(), paths)
        patterns = {"**/.env", "keys", "**/keystore", "**/node-key", "**/secret_ed25519", "**/*.age"}
        self.assertLessEqual(patterns, set((ROOT / ".dockerignore").read_text().splitlines()))

    def test_file_is_refused_when_it_is_not_said_where_keys_are(self):
        done = resolved({name: value for name, value in GIVEN.items() if name != "TRIBUTARY_KEYS"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("set TRIBUTARY_KEYS", done.stderr)

    def test_health_is_told_by_a_running_node_alone(self):
        (_, program, option, script) = self.validator["healthcheck"]["test"]
        self.assertEqual((program, option), ("bash", "-c"))
        with tempfile.TemporaryDirectory() as folder:
            node = Validator(Path(folder) / "node")
            here = script.replace("9944", str(node.port))
            self.assertNotEqual(here, script)
            try:
                node.ready()
                self.assertEqual(subprocess.run(["bash", "-c", here]).returncode, 0)
            finally:
                node.stop()
            self.assertNotEqual(subprocess.run(["bash", "-c", here], stderr=subprocess.DEVNULL).returncode, 0)


if __name__ == "__main__":
    unittest.main()
