"""The figures of a run: where it ran, what the steps kept, and as a table for people."""

import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the whole story may take with everything built, seconds.
GOAL = 20 * 60


def machine():
    """Where the run took place."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**20),
        "load_average_at_end": round(os.getloadavg()[0], 1),
        "commit": commit or "unknown",
        "date": time.strftime("%Y-%m-%d"),
    }


def report(story, failure, whole):
    """`whole` says whether all steps ran, with loads of the usual length: the goal is for that."""
    took = round(time.monotonic() - story.started)
    return {
        "passed": failure is None,
        "machine": {**machine(), "network": story.network.fabric.kind, "validators": 4},
        "took_s": took,
        **({"goal_s": GOAL, "within_goal": took <= GOAL} if whole else {}),
        "steps": story.figures,
    }


def _text(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def table(report):
    """Markdown."""
    place = report["machine"]
    lines = [
        f"{place['validators']} validators in {place['network']} on {place['cores']} cores ({place['cpu']}), {place['memory_gib']} GiB,"
        f" commit {place['commit']}; {report['took_s']} s in all",
        "",
        "| step | figure | value |",
        "|---|---|---|",
    ]
    for step, found in report["steps"].items():
        for name, value in found.items():
            lines.append(f"| {step} | {name.replace('_', ' ')} | {_text(value)} |")
    return "\n".join(lines)
