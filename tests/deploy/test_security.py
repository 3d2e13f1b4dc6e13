"""Every check that SECURITY.md names is there."""

import re
import subprocess
import unittest

from machine import ROOT

CODE = ("*.rs", "*.py")


class Security(unittest.TestCase):
    def test_check_is_there_when_the_threat_model_names_it(self):
        text = (ROOT / "SECURITY.md").read_text()
        code = subprocess.run(
            ["git", "grep", "--untracked", "-ohE", r"\b(fn|def) [a-z_0-9]+", "--", *CODE],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
        tests = {line.split()[1] for line in code.splitlines()}
        named = set(re.findall(r"`([^`\s]+)`", text))
        checks = {name for name in named if re.fullmatch(r"[a-z0-9_]+", name) and ("_when_" in name or name.startswith("test_"))}
        paths = {name for name in named if "/" in name and not name.startswith("/")} | {"deny.toml"}
        self.assertGreater(len(checks), 80)
        self.assertGreater(len(paths), 5)
        self.assertEqual(checks - tests, set())
        self.assertEqual({path for path in paths if not (ROOT / path).exists()}, set())


if __name__ == "__main__":
    unittest.main()
