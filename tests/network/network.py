"""A network of real nodes, on machines of their own, through a day that goes wrong. scripts/network-test.sh runs it.

The story is told by the steps in `STEPS`, in that order; each is a file in steps/ and says in its first lines what it
shows. Traffic flows from the second to the last. `OTHERS` are told when they are asked for.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "demo"))
sys.path.insert(0, str(ROOT / "tests" / "flows"))

import figures
import namespaces
import specification
from clients import Clients
from nodes import Network
from processes import Failed
from steps import crash, equivocation, finalise, load, partition, pruned, standstill, traffic, upgrade, warp, worker

STEPS = {
    "finalise": finalise,
    "traffic": traffic,
    "upgrade": upgrade,
    "crash": crash,
    "partition": partition,
    "warp": warp,
    "pruned": pruned,
    "worker": worker,
    "load": load,
    # Last: whoever was caught makes no blocks for a while, and everything takes longer.
    "equivocation": equivocation,
}
# Length of each measurement of load, seconds, when no other is asked for.
LOAD_SECONDS = 24
# Told when they are asked for: two of the four do not come back.
OTHERS = {"standstill": standstill}
ALL = {**STEPS, **OTHERS}


class Story:
    """What the steps share."""

    def __init__(self, arguments, fabric, folder):
        self.arguments, self.folder, self.started = arguments, folder, time.monotonic()
        self.network = Network(fabric, arguments.node, arguments.spec, folder)
        self.clients = Clients(arguments.modules, folder)
        self.traffic = self.bonding = None
        self.loads, self.processes = [], []
        self.figures = {}

    def say(self, text):
        passed = int(time.monotonic() - self.started)
        print(f"    {passed // 60:2}:{passed % 60:02}  {text}", flush=True)

    def keep(self, **figures):
        """Keeps figures of the step that runs."""
        self.figures.setdefault(self.step, {}).update(figures)

    def run(self):
        for number, name in enumerate(self.arguments.steps, 1):
            self.step = name
            about = ALL[name].__doc__.strip().splitlines()[0]
            print(f"\n==> [{number}/{len(self.arguments.steps)}] {name}: {about}", flush=True)
            begun = time.monotonic()
            ALL[name].run(self)
            self.keep(took_s=round(time.monotonic() - begun, 1))
        if self.traffic:
            self.step = "traffic"
            traffic.finish(self)

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.clients.stop()
        self.network.stop()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in ("node", "worker", "cli"):
        parser.add_argument(f"--{program}", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True, help="folder with node_modules and the clients in JavaScript")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "tributary-3m")
    parser.add_argument("--spec", type=Path, default=specification.last_release(), help="what the chain begins with")
    parser.add_argument("--upgrade-to", type=Path, help="another node than --node, whose runtime the upgrade step takes")
    parser.add_argument("--steps", default=",".join(STEPS), help=f"some of {','.join(ALL)}")
    parser.add_argument("--load-seconds", type=int, default=LOAD_SECONDS, help="length of each measurement; 0 leaves them out")
    parser.add_argument("--json", type=Path, help="where the figures go")
    namespaces.add_arguments(parser)
    arguments = parser.parse_args()
    wanted = arguments.steps.split(",")
    unknown = [name for name in wanted if name not in ALL]
    if unknown:
        parser.error(f"no such step: {', '.join(unknown)}; there are {', '.join(ALL)}")
    # All need a network and most need traffic.
    wanted = {"finalise", "traffic", *wanted} if wanted != ["finalise"] else set(wanted)
    arguments.steps = [name for name in ALL if name in wanted]
    if arguments.load_seconds == 0 and "load" in arguments.steps:
        arguments.steps.remove("load")
    return arguments


def inside(arguments):
    """Runs the story, in namespaces or on loopback addresses. Its exit status."""
    fabric = namespaces.fabric(arguments)
    story = Story(arguments, fabric, arguments.inside)
    failure = None
    try:
        print(f"    four validators on {fabric.kind}; logs and data: {story.folder}", flush=True)
        story.run()
    except (Exception, KeyboardInterrupt) as error:
        failure = error
        if not isinstance(error, Failed):
            traceback.print_exc()
    finally:
        story.stop()
    whole = arguments.steps == list(STEPS) and arguments.load_seconds == LOAD_SECONDS
    report = figures.report(story, failure, whole)
    (story.folder / "figures.json").write_text(json.dumps(report, indent=2) + "\n")
    if failure:
        print(f"\nerror: {story.step}: {failure}", file=sys.stderr)
        return 1
    return 0


def main():
    arguments = parse()
    if arguments.inside:
        return inside(arguments)
    folder = Path(tempfile.mkdtemp(prefix="tributary-network-"))
    status = namespaces.run_inside(folder, arguments)
    written = folder / "figures.json"
    if written.exists():
        print(written.read_text())
        print(figures.table(json.loads(written.read_text())))
        if arguments.json:
            shutil.copy(written, arguments.json)
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
        print("1 passed, 0 failed")
    else:
        print(f"Logs and data are in {folder}\n0 passed, 1 failed", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
