"""A worker moved by a backup, and one that lost its disk.

Moved: records that were not settled are settled on the new disk. Lost: it starts empty, takes the earnings tree from the
content store, and its next batch is right.
"""

import shutil
import subprocess
import sys

from flow import OPERATOR, ROOT, ask, batches, check, main, prepare
from processes import wait


def script(name, *arguments):
    return subprocess.run([ROOT / "scripts" / name, *arguments], capture_output=True, text=True)


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
    data, store, file = folder / "worker", folder / "store", folder / "worker.tar"
    worker.ready(agents=1)
    proxy.ready()

    def settled():
        return sum(len(report["records"]) for report in batches(tributary, address[OPERATOR]))

    for number in range(6):
        ask(proxy, "river-guide", f"Where does the river flow? ({number})")
    wait("settling the first records", lambda: worker.unsettled() == 0, 60)
    # These wait for a batch while the worker moves.
    worker.config.write_text(worker.config.read_text().replace("age_secs = 1", "age_secs = 600"))
    worker.stop()
    worker.ready(agents=1)
    asked = [ask(proxy, "river-guide", f"And the Spree? ({number})")["id"] for number in range(3)]
    refused = script("backup.sh", "worker", data, file, store)
    check(refused.returncode != 0 and "the worker runs" in refused.stderr, f"a running worker was copied: {refused}")
    worker.stop()
    done = script("backup.sh", "worker", data, file, store)
    check(done.returncode == 0, done.stderr)
    shutil.rmtree(data)
    shutil.rmtree(store)
    done = script("restore.sh", "worker", file, data, store)
    check(done.returncode == 0, done.stderr)
    worker.ready(agents=1)
    check(worker.unsettled() == len(asked), f"{worker.unsettled()} of {len(asked)} unsettled records came with the backup")
    worker.config.write_text(worker.config.read_text().replace("age_secs = 600", "age_secs = 1"))
    worker.stop()
    worker.ready(agents=1)
    wait("settling what came with the backup", lambda: worker.unsettled() == 0, 60)
    check(settled() == 9, f"{settled()} records are settled, not 9")
    print("    moved: 9 records settled, 3 of them on the new disk", flush=True)

    worker.stop()
    shutil.rmtree(data)
    worker.ready(agents=1)
    ask(proxy, "river-guide", "And the Havel?")
    wait("settling after the loss", lambda: settled() == 10, 60)
    log = worker.log.read_text(errors="replace")
    check("earnings differ from the chain's" in log, "the tree was not taken from the content store")
    print("    lost: the next batch is right", flush=True)


sys.exit(main("restore-worker", __doc__, run))
