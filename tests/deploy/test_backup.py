"""A validator whose disk is lost is the same validator after a restore."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from machine import NODE, ROOT, Validator

# As compose runs the node.
USER = (1000, 1000)
OWNER = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def owner(path):
    return path.stat().st_uid, path.stat().st_gid


def script(name, *arguments, **options):
    return subprocess.run([ROOT / name, *arguments], capture_output=True, text=True, **options)


class Backup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.base, self.file = self.folder / "base", self.folder / "validator.tar"

    def identity(self, make_keys):
        """Runs the node for a moment: its peer id, and the session keys it has."""
        node = Validator(self.base)
        try:
            node.ready()
            if make_keys:
                self.session_keys = node.rpc("author_rotateKeys")
            return node.rpc("system_localPeerId"), node.rpc("author_hasSessionKeys", self.session_keys)
        finally:
            node.stop()

    def keys(self):
        """A folder of keys as compose mounts it, not of a node."""
        keys = self.folder / "keys"
        (keys / "keystore").mkdir(parents=True)
        (keys / "keystore/61757261").write_text('"secret"')
        (keys / "node-key").write_bytes(b"k" * 32)
        return keys

    def lost(self):
        """A backup of session keys and node key below a base path that is gone."""
        chain = self.base / "chains/local"
        (chain / "keystore").mkdir(parents=True)
        (chain / "keystore/61757261").write_text('"secret"')
        (chain / "network").mkdir()
        (chain / "network/secret_ed25519").write_bytes(b"k" * 32)
        self.passes("scripts/backup.sh", "validator", self.base, self.file)
        shutil.rmtree(self.base)

    def given(self, folder):
        """A folder of the node's user, as the page makes it."""
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, *USER)
        return folder

    def check_owner(self, folder):
        """All that is in the folder belongs to its owner, who alone may read it."""
        if os.geteuid() == 0:
            self.assertEqual({owner(path) for path in (folder, *folder.rglob("*"))}, {USER})
        self.assertEqual([path for path in folder.rglob("*") if path.stat().st_mode & 0o077], [])

    def passes(self, *arguments):
        done = script(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_validator_is_the_same_after_its_disk_was_lost(self):
        before = self.identity(make_keys=True)
        self.passes("scripts/backup.sh", "validator", self.base, self.file)
        self.assertEqual(self.file.stat().st_mode & 0o077, 0)
        shutil.rmtree(self.base)
        other = self.identity(make_keys=False)
        self.assertNotEqual(other[0], before[0])
        self.assertFalse(other[1])
        # What is there is not overwritten.
        refused = script("scripts/restore.sh", "validator", self.file, self.base)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("exists", refused.stderr)
        shutil.rmtree(self.base)
        self.passes("scripts/restore.sh", "validator", self.file, self.base)
        self.assertEqual(self.identity(make_keys=False), before)
        for path in self.base.glob("chains/*/keystore/*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0)

    def test_restored_keys_belong_to_the_owner_of_the_base_path(self):
        self.lost()
        self.given(self.base)
        done = self.passes("scripts/restore.sh", "validator", self.file, self.base)
        self.assertNotIn("chown", done.stderr)
        self.assertEqual(len(list(self.base.glob("chains/local/*/*"))), 2)
        self.check_owner(self.base)

    def test_restored_keys_belong_to_the_owner_of_the_empty_folder_that_is_there(self):
        self.passes("scripts/backup.sh", "validator", self.folder, self.file, self.keys())
        new = self.given(self.folder / "new-keys")
        (self.folder / "link").symlink_to("new-keys")
        self.passes("scripts/restore.sh", "validator", self.file, self.folder, self.folder / "link")
        self.assertEqual((new / "node-key").read_bytes(), b"k" * 32)
        self.assertTrue((new / "keystore/61757261").exists())
        self.assertEqual(new.stat().st_mode & 0o777, 0o700)
        self.check_owner(new)

    def test_backup_is_not_restored_into_a_folder_that_holds_something(self):
        self.passes("scripts/backup.sh", "validator", self.folder, self.file, self.keys())
        new = self.given(self.folder / "new-keys")
        (new / ".other").write_text("there")
        refused = script("scripts/restore.sh", "validator", self.file, self.folder, new)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("exists and is not empty", refused.stderr)
        self.assertEqual([path.name for path in new.iterdir()], [".other"])

    @unittest.skipUnless(os.geteuid() == 0, "only what root restores may be another's")
    def test_restore_says_what_to_give_away_when_the_folder_is_root_s(self):
        self.lost()
        os.chown(self.folder, 0, 0)
        done = self.passes("scripts/restore.sh", "validator", self.file, self.base)
        self.assertEqual(done.stderr.count("chown"), 1)
        self.assertRegex(done.stderr, rf"chown -R USER: {self.base}\n")

    def test_backup_says_who_runs_it_when_the_caller_may_not_read_the_folder(self):
        keys = self.keys()
        # Root without what lets it read everything.
        less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        for hidden, arguments in ((keys, (self.folder, self.file, keys)), (keys, (keys, self.file)),
                                  (keys, (keys / "keystore", self.file)),
                                  (self.base / "chains", (self.base, self.file))):
            hidden.mkdir(parents=True, exist_ok=True)
            hidden.chmod(0)
            with self.subTest(arguments):
                try:
                    refused = subprocess.run(
                        [*less, ROOT / "scripts/backup.sh", "validator", *arguments], capture_output=True, text=True
                    )
                finally:
                    hidden.chmod(0o700)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(f"{hidden} may not be read: run this with sudo, or as the user that the node runs as", refused.stderr)
                self.assertFalse(self.file.exists())

    def test_backup_is_refused_when_it_is_damaged_or_of_another_kind(self):
        keys = self.keys()
        self.passes("scripts/backup.sh", "validator", self.folder, self.file, keys)
        refused = script("scripts/restore.sh", "worker", self.file, self.folder / "data")
        self.assertIn("no backup of a worker", refused.stderr)
        damaged = self.folder / "damaged.tar"
        damaged.write_bytes(self.file.read_bytes().replace(b"k" * 32, b"j" * 32))
        refused = script("scripts/restore.sh", "validator", damaged, self.folder / "new", self.folder / "new-keys")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("damaged", refused.stderr)
        self.assertFalse((self.folder / "new-keys").exists())
        self.passes("scripts/restore.sh", "validator", self.file, self.folder / "new", self.folder / "new-keys")
        self.assertEqual((self.folder / "new-keys/node-key").read_bytes(), b"k" * 32)

    def test_backup_is_refused_when_there_are_no_keys(self):
        self.base.mkdir()
        refused = script("scripts/backup.sh", "validator", self.base, self.file)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("neither session keys nor a node key", refused.stderr)
        self.assertFalse(self.file.exists())

    def test_backup_fails_when_its_file_cannot_be_written(self):
        self.keys()
        # A link as configuration tools make one, and a name that tar could take for another machine's.
        (self.folder / "link").symlink_to("keys")
        made = script("scripts/backup.sh", "validator", self.folder, self.folder / "no-folder/10:00.tar", self.folder / "link")
        self.assertNotEqual(made.returncode, 0)
        self.assertIn("could not be written", made.stderr)
        self.passes("scripts/backup.sh", "validator", self.folder, self.folder / "10:00.tar", self.folder / "link")
        self.passes("scripts/restore.sh", "validator", self.folder / "10:00.tar", self.folder / "new", self.folder / "new-keys")
        self.assertEqual((self.folder / "new-keys/node-key").read_bytes(), b"k" * 32)

    def test_backup_is_refused_when_it_has_a_node_key_alone(self):
        node_key = self.base / "chains/local/network/secret_ed25519"
        node_key.parent.mkdir(parents=True)
        node_key.write_bytes(b"k" * 32)
        refused = script("scripts/backup.sh", "validator", self.base, self.file)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("no session keys", refused.stderr)
        self.assertFalse(self.file.exists())

    def test_session_keys_are_not_asked_of_another_program(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            refused = script(
                "deploy/session-keys.sh", OWNER, "--chain", "local", "--base-path", self.base,
                env={**os.environ, "TRIBUTARY_NODE_PROGRAM": str(NODE), "TRIBUTARY_SESSION_KEYS_PORT": port},
            )
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("something listens on port", refused.stderr)
        self.assertFalse(self.base.exists())

    def test_session_keys_name_jq_when_it_is_missing(self):
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "bash").symlink_to(shutil.which("bash"))
        refused = script(
            "deploy/session-keys.sh", OWNER, "--chain", "local", "--base-path", self.base,
            env={"PATH": str(programs), "TRIBUTARY_NODE_PROGRAM": str(NODE)},
        )
        self.assertEqual(refused.returncode, 1)
        self.assertIn("there is no jq", refused.stderr)

    def test_session_keys_are_made_without_a_network(self):
        spec = ROOT / "chain-specs/local-raw.json"
        made = script(
            "deploy/session-keys.sh", OWNER, "--chain", spec, "--base-path", self.base,
            env={**os.environ, "TRIBUTARY_NODE_PROGRAM": str(NODE)},
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertRegex(made.stdout, r'"keys": "0x[0-9a-f]{128,}"')
        self.assertRegex(made.stdout, r'"proof": "0x[0-9a-f]{128,}"')
        self.assertGreaterEqual(len(list(self.base.glob("chains/*/keystore/*"))), 2)
        refused = script("deploy/session-keys.sh", "nobody", "--chain", spec, env={**os.environ, "TRIBUTARY_NODE_PROGRAM": str(NODE)})
        self.assertIn("is no account", refused.stderr)


if __name__ == "__main__":
    unittest.main()
