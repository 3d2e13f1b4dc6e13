"""The systemd units are valid, hardened, and name flags that the programs have."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from machine import NODE, ROOT, WORKER, flags, flags_in

UNITS = ROOT / "deploy/systemd"
# Larger numbers are worse; systemd calls less than 2 "OK".
MOST_EXPOSED = 2.0


def commands(unit):
    """What the unit's Exec lines run: setting, program and arguments."""
    text = re.sub(r"\\\n\s*", " ", (UNITS / unit).read_text())
    for setting, line in re.findall(r"^(Exec\w+)=(.*)$", text, re.MULTILINE):
        program, *arguments = line.split()
        yield setting, Path(program).name, arguments


class Units(unittest.TestCase):
    def test_node_unit_names_flags_that_exist(self):
        self.check("tributary-node.service", "tributary-node", NODE)

    @unittest.skipUnless(WORKER, "no worker is built")
    def test_worker_unit_names_flags_that_exist(self):
        self.check("tributary-worker.service", "tributary-worker", WORKER)

    def check(self, unit, name, program):
        for setting, ran, arguments in commands(unit):
            with self.subTest(setting):
                self.assertEqual(ran, name)
                command = [argument for argument in arguments[:1] if not argument.startswith(("-", "$"))]
                self.assertEqual(flags_in(arguments) - flags(program, *command), set())

    def test_node_unit_opens_no_unsafe_rpc(self):
        (_, _, arguments), = commands("tributary-node.service")
        self.assertIn(("--rpc-methods", "safe"), list(zip(arguments, arguments[1:])))
        self.assertEqual(flags_in(arguments) & {"--unsafe-rpc-external", "--rpc-external", "--rpc-cors", "--dev"}, set())

    def test_page_runs_the_key_script_that_the_unit_installs(self):
        # The user of the node need not be able to read the checkout.
        head = (UNITS / "tributary-node.service").read_text()
        self.assertIn("install -m 755 ../session-keys.sh /usr/local/bin/tributary-session-keys\n", head)
        self.assertTrue((UNITS / "../session-keys.sh").exists())
        ran = set(re.findall(r"sudo -u tributary (\S+)", (ROOT / "docs/operations.md").read_text()))
        self.assertEqual(ran, {"mktemp", "tributary-session-keys"})

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze on this machine")
    def test_unit_is_valid_and_hardened(self):
        for path in sorted(UNITS.glob("*.service")):
            with self.subTest(path.name), tempfile.TemporaryDirectory() as folder:
                # The programs are not installed here.
                unit = Path(folder) / path.name
                unit.write_text(re.sub(r"/usr/local/bin/tributary\S*", "/bin/true", path.read_text()))
                done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                done = subprocess.run(
                    ["systemd-analyze", "security", "--no-pager", "--offline=true", unit], capture_output=True, text=True
                )
                exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1])
                self.assertLess(exposure, MOST_EXPOSED)


if __name__ == "__main__":
    unittest.main()
