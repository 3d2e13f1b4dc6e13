"""Provenance of an adapter, its data, training and score, and of an answer: exported, verified here and by others.

`tributary provenance verify` checks each bundle against chain and content; securesystemslib checks the Ed25519
signatures, polkadot.js the sr25519 ones; none of them takes a bundle that was changed.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from flow import CONTRIBUTOR, OPERATOR, PAYER, ask, check, main, prepare, refused
from processes import get_json, wait

VERIFIERS = Path(__file__).resolve().parent / "verifiers"
EVALUATOR = "//Eva"


def third_parties(bundle, keys):
    """Exit codes of the two verifiers that know nothing of us."""
    ed25519 = [sys.executable, "-B", VERIFIERS / "ed25519.py", bundle, keys["ed25519"]]
    # Where the flows through polkadot.js install it.
    modules = Path(os.environ["TRIBUTARY_NODE_MODULES"]).parent
    sr25519 = ["node", VERIFIERS / "sr25519.mjs", bundle, keys["account"]]
    first = subprocess.run([str(part) for part in ed25519], capture_output=True, text=True)
    second = subprocess.run([str(part) for part in sr25519], capture_output=True, text=True, cwd=modules)
    return first, second


def verified(tributary, bundle, key):
    """Everyone finds the bundle right."""
    report = tributary("provenance", "verify", bundle)
    check(report["right"] and report["statements"], f"{bundle}: {report}")
    keys = tributary("provenance", "key", key=key)
    for done in third_parties(bundle, keys):
        check(done.returncode == 0, f"{bundle}: {done.stdout}{done.stderr}")
    return report, keys


def tampered(tributary, bundle, keys):
    """Nobody takes a statement that was changed, nor one with another's signatures."""
    envelopes = [json.loads(line) for line in bundle.read_text().splitlines()]
    statement = json.loads(base64.b64decode(envelopes[0]["payload"]))
    statement["subject"][0]["digest"]["blake3"] = "00" * 32
    envelopes[0]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    changed = bundle.with_suffix(".changed")
    changed.write_text("".join(json.dumps(one) + "\n" for one in envelopes))
    message = refused(tributary, "provenance", "verify", changed)
    check("signature is wrong" in message, message)
    for done in third_parties(changed, keys):
        check(done.returncode == 1 and "wrong" in done.stderr, f"a changed bundle was taken: {done.stdout}{done.stderr}")


def adapter(tributary, folder, base, datanet):
    out = folder / "adapter"
    tributary(
        "train", "--base", base, "--datanet", datanet, "--out", out, "--steps", 2, "--sequence", 16, "--batch", 1,
        "--chat-share", 0, key=CONTRIBUTOR,
    )
    price = ("--price-in", "0.1", "--price-out", "0.2")
    return tributary("adapter", "publish", "rivers-lora", out, *price, key=CONTRIBUTOR)["asset"]


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
    worker.ready(agents=1)
    proxy.ready()
    out = folder / "provenance"
    base = tributary("asset", "list", "--kind", "base")[0]["id"]
    datanet = tributary("datanet", "list")[0]["id"]
    lora = adapter(tributary, folder, base, datanet)

    def export(*what, key=CONTRIBUTOR):
        return Path(tributary("provenance", "export", *what, "--out", out, key=key)["file"])

    bundle = export("adapter", lora, "--attach")
    report, keys = verified(tributary, bundle, CONTRIBUTOR)
    check([one["kind"] for one in report["statements"]] == ["adapter", "training"], f"the bundle has {report}")
    tampered(tributary, bundle, keys)
    message = refused(tributary, "provenance", "export", "adapter", lora, "--out", out, key=PAYER)
    check("name that account's key" in message, message)
    print("ok  adapter and training", flush=True)

    bundle = export("datanet", datanet)
    verified(tributary, bundle, CONTRIBUTOR)
    tributary("datanet", "erase", datanet, 2, key=CONTRIBUTOR)
    report, _ = verified(tributary, bundle, CONTRIBUTOR)
    check(any("erased since" in note for note in report["statements"][0]["checks"]), f"nothing was erased: {report}")
    print("ok  DataNet", flush=True)

    evaluate(tributary, folder, address, lora, export)
    print("ok  evaluation", flush=True)

    trail = ask(proxy, "river-guide", "Where does the river Elbe rise?")["id"]
    wait("a batch", lambda: "batch" in get_json(f"{worker.url}/v1/trail/{trail}")["settlement"], 120)
    bundle = export("answer", trail, "--worker", address[OPERATOR], key=PAYER)
    report, keys = verified(tributary, bundle, PAYER)
    tampered(tributary, bundle, keys)
    print("ok  answer", flush=True)


def evaluate(tributary, folder, address, lora, export):
    tributary("pay", tributary("key", "show", EVALUATOR)["address"], 100, key="//Alice")
    texts = folder / "benchmark"
    texts.mkdir()
    (texts / "0.txt").write_text("The river Havel flows through Potsdam.")
    benchmark = tributary("datanet", "create", "benchmark", "--policy", "open", key=EVALUATOR)["datanet"]
    tributary("datanet", "add", benchmark, texts, "--licence", "CC0-1.0", key=EVALUATOR)
    tributary("datanet", "snapshot", benchmark, key=EVALUATOR)
    tributary("adapter", "evaluators", lora, tributary("key", "show", EVALUATOR)["address"], key=CONTRIBUTOR)
    scores = folder / "report.json"
    scores.write_text('{"perplexity": 12.5}')
    tributary(
        "adapter", "evaluate", lora, "--metric", "perplexity", "--score", "12.5", "--report", scores, "--benchmark", benchmark,
        key=EVALUATOR,
    )
    bundle = export("evaluation", lora, "--metric", "perplexity", key=EVALUATOR)
    verified(tributary, bundle, EVALUATOR)


if __name__ == "__main__":
    sys.exit(main("provenance", __doc__, run))
