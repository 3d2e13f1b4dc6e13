"""Alerts and dashboards name metrics that a running node or the worker's source has."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from machine import ROOT, Validator
from promql import metrics

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
PAGE = ROOT / "docs/operations.md"
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
# What Prometheus itself adds to every target.
OWN = {"up"}


def rules():
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule["expr"] for rule in rules()}


def panels(dashboard):
    """All panels, those in rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries():
    """Title of the panel -> expression, of all dashboards."""
    found = {}
    for path in DASHBOARDS:
        for panel in panels(json.loads(path.read_text())):
            for target in panel.get("targets", []):
                found[f"{path.stem}: {panel['title']} {target['refId']}"] = target["expr"]
    return found


def of_worker():
    """Metrics in the worker's source, histograms with their series."""
    source = (ROOT / "inference-worker/src/metrics.rs").read_text()
    source += (ROOT / "inference-worker/src/lora_requests.rs").read_text()
    names = set(re.findall(r'(?:counter|gauge)!\(\s*"([\w:]+)"', source)) | set(re.findall(r"# TYPE ([\w:]+) gauge", source))
    for name in re.findall(r'\bhistogram!\(\s*"([\w:]+)"', source):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def of_node():
    """Series that a validator exports once a block of its own is final."""
    with tempfile.TemporaryDirectory() as folder:
        node = Validator(Path(folder) / "node")
        try:
            text = node.ready().finalises().metrics()
        finally:
            node.stop()
    return set(re.findall(r"^([A-Za-z_:][\w:]*)[ {]", text, re.MULTILINE))


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.known = of_node() | of_worker() | OWN

    def test_alert_names_metrics_that_exist(self):
        self.assertGreater(len(alerts()), 20)
        for name, expression in alerts().items():
            with self.subTest(name):
                self.assertTrue(metrics(expression))
                self.assertEqual(metrics(expression) - self.known, set())

    def test_dashboard_names_metrics_that_exist(self):
        self.assertEqual([path.stem for path in DASHBOARDS], ["node", "worker"])
        for name, expression in queries().items():
            with self.subTest(name):
                self.assertTrue(metrics(expression))
                self.assertEqual(metrics(expression) - self.known, set())

    def test_name_is_missed_when_nothing_exports_it(self):
        expression = 'histogram_quantile(0.9, sum by (le) (rate(no_such_bucket{job="x"}[5m]))) > 1 and on (instance) up'
        self.assertEqual(metrics(expression), {"no_such_bucket", "up"})
        self.assertEqual(metrics(expression) - self.known, {"no_such_bucket"})


class Page(unittest.TestCase):
    def test_page_lists_the_alerts_that_are_critical(self):
        critical = [rule["alert"] for rule in rules() if rule["labels"]["severity"] == "critical"]
        (listed,) = re.findall(r"Those that mean money now: ([^.]+)\.", PAGE.read_text())
        self.assertEqual(sorted(re.findall(r"`(\w+)`", listed)), sorted(critical))

    def test_page_counts_the_alerts(self):
        self.assertIn(f"SUCCESS: {len(rules())} rules found", PAGE.read_text())


@unittest.skipUnless(os.environ.get("PROMTOOL"), "no promtool: Debian's package prometheus has it")
class Promtool(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run([os.environ["PROMTOOL"], *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_configuration_is_read_by_prometheus(self):
        self.promtool("check", "config", ROOT / "deploy/prometheus/prometheus.yml")

    def test_alert_fires_when_its_condition_holds(self):
        self.promtool("test", "rules", ROOT / "deploy/prometheus/alerts.test.yml")

    def test_dashboard_expression_is_read_by_prometheus(self):
        rules = [
            {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m").replace("$instance", ".*")}
            for number, expression in enumerate(queries().values())
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rules.yml"
            path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
            self.promtool("check", "rules", path)


if __name__ == "__main__":
    unittest.main()
