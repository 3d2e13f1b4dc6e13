"""A recipe from two DataNets to an agent on chain, with real processes.

The run is killed while it fetches and while it trains and goes on; nothing is registered twice; two evaluators report,
a report on what was trained on is refused; a worse second version is a regression; the ablation stands with the asset.
"""

import json
import subprocess
import sys

from flow import check, main, refused
from chain import Tributary
from processes import DevNode, Process, wait

AUTHOR, EVALUATORS, CONTRIBUTORS = "//Ann", ["//Eve", "//Max"], ["//Ada", "//Ben"]
THINGS = ["branch", "commit", "remote", "stash", "worktree", "index", "tag", "rebase", "merge", "submodule", "hook", "blob"]


def text(thing, way):
    lines = [
        f"# The {thing}",
        f"A {thing} is {way} before it is shared. Whoever keeps a {thing} gives it a name, and the name of the {thing} is unique.",
        f"To list every {thing}, ask for the {thing} list. The list shows the newest {thing} first and says who made the {thing}.",
        f"A {thing} that nobody names is removed after thirty days. The {thing} can be found in the log until then.",
    ]
    return "\n\n".join(lines * 4) + "\n"


def datanet(tributary, folder, name, texts, key):
    place = folder / name
    place.mkdir()
    for number, one in enumerate(texts):
        (place / f"{number:02}.txt").write_text(one)
    made = tributary("datanet", "create", name, "--policy", "open", key=key)["datanet"]
    tributary("datanet", "add", made, place, "--licence", "CC0-1.0", key=key)
    tributary("datanet", "snapshot", made, key=key)
    return made


def items():
    lines = []
    for thing in THINGS:
        lines.append({"prompt": f"What is a {thing}?", "answer": f"A {thing} is written down before it is shared."})
    for thing in THINGS[:6]:
        right = f"A {thing} that nobody names is removed after thirty days."
        choices = [right, f"Thirty named zebra under {thing} of of."]
        lines.append({"question": f"What happens to a {thing}?", "choices": choices, "answer": 0})
    lines.append({"prompt": "Say anything.", "checks": [{"not": {"contains": "no such word"}}]})
    return "".join(json.dumps(line) + "\n" for line in lines)


RECIPE = """
base_model: {base}
datasets:
  - {{datanet: {first}, weight: 2}}
  - {{datanet: {second}, weight: 1}}
lora_r: 4
lora_alpha: 8
sequence_len: 64
micro_batch_size: 2
max_steps: {steps}
learning_rate: {rate}
warmup_steps: 5
save_steps: 10
chat_share: 0.2
seed: 7
evaluation:
  - benchmark: {{datanet: {benchmark}}}
    metrics: [perplexity, rougeL, multiple_choice, judge]
    max_tokens: 24
ablation:
  leave_out: datanets
  method: retrain
  repeats: 2
  max_steps: 20
publish:
  name: things
  price: {{input: 0.2, output: 0.6}}
agent:
  name: things-guide
  prompts: ["{prompt}"]
  datanets: [{{datanet: {first}}}]
"""


def prepare(tributary, folder, model):
    for who in [AUTHOR, *EVALUATORS, *CONTRIBUTORS]:
        tributary("pay", tributary("key", "show", who)["address"], 1_000, key="//Alice")
    prompt = folder / "prompt.txt"
    prompt.write_text("Answer in one sentence.\n")
    price = ("--price-in", "0.1", "--price-out", "0.2")
    return {
        "first": datanet(tributary, folder, "first", [text(thing, "written down") for thing in THINGS], CONTRIBUTORS[0]),
        "second": datanet(tributary, folder, "second", [text(thing, "thrown away") for thing in THINGS[:4]], CONTRIBUTORS[1]),
        "benchmark": datanet(tributary, folder, "benchmark", [items()], EVALUATORS[0]),
        "base": tributary("base", "publish", "base", model, *price, key=AUTHOR)["asset"],
        "prompt": tributary("prompt", "publish", "brief", prompt, *price, key=AUTHOR)["asset"],
    }


def write(folder, ids, **changed):
    values = {"steps": 60, "rate": 0.003, **ids, **changed}
    recipe = folder / "things.yaml"
    recipe.write_text(RECIPE.format(**values))
    return recipe


def kill_when(tributary, recipe, work, there):
    """Starts the run and kills it with SIGKILL as soon as something is there."""
    command = tributary.command("factory", "run", recipe, "--work", work, key=AUTHOR)
    running = Process("the run", command, work.with_suffix(".log"), tributary.env).start()
    try:
        wait("what it should be killed at", lambda: there() or not running.alive(), 120, every=0.005)
        check(running.alive(), f"the run ended before it was killed: {running.tail()}")
    finally:
        running.kill()
    states = {step["name"]: step["state"] for step in tributary("factory", "status", recipe, "--work", work)["steps"]}
    check("interrupted" in states.values(), f"the killed run is {states}")
    return states


def bad_recipes(tributary, folder, ids):
    recipe = write(folder, ids)
    good = recipe.read_text()
    cases = [("lora_r: 4", "lora_rank: 4", "did you mean `lora_r`"), ("repeats: 2", "repeats: 0", "ablation.repeats is 0")]
    cases += [("input: 0.2", "input: cheap", "publish.price.input"), (f"datanet: {ids['benchmark']}", f"datanet: {ids['first']}", "is trained on")]
    for old, new, said in cases:
        recipe.write_text(good.replace(old, new))
        message = refused(tributary, "factory", "run", recipe, "--work", folder / "bad", key=AUTHOR)
        check(said in message, f"{new}: {message}")


def killed_and_resumed(tributary, folder, ids):
    recipe, work = write(folder, ids), folder / "work"
    steps = work / "steps"
    kill_when(tributary, recipe, work, lambda: any(steps.glob("*/content/*")))
    kill_when(tributary, recipe, work, lambda: any(steps.glob("*/adapter/checkpoint.safetensors")))
    done = tributary("factory", "run", recipe, "--work", work, key=AUTHOR)
    whole = tributary("factory", "run", recipe, "--work", folder / "whole", "--until", "train", key=AUTHOR)
    name = "adapter/adapter_model.safetensors"
    read = lambda run: (folder / run["steps"]["train"] / name).read_bytes()
    check(read(done) == read(whole), "the killed training gave another adapter")
    check(done["publish"]["version"] == 1 and done["compose"]["version"] == 1, f"not new: {done}")
    return recipe, work, done


def repeated(tributary, recipe, work, done):
    assets = len(tributary("asset", "list"))
    again = tributary("factory", "run", recipe, "--work", work, key=AUTHOR)
    check(again["publish"] == done["publish"] and again["compose"] == done["compose"], "something was registered again")
    other = tributary("factory", "run", recipe, "--work", work.with_name("other"), key=AUTHOR)
    check(other["publish"]["asset"] == done["publish"]["asset"], "another folder registered another adapter")
    check(other["publish"]["version"] == 1 and other["compose"]["version"] == 1, "another folder added a version")
    check(len(tributary("asset", "list")) == assets, "a repeated run made assets")


def evaluated(tributary, ids, adapter):
    metrics = ("--metric", "perplexity", "--metric", "rougeL")
    command = ("evaluate", adapter, "--benchmark", f"{ids['benchmark']}@1", *metrics, "--max-tokens", 16, "--report")
    addresses = [tributary("key", "show", who)["address"] for who in EVALUATORS]
    message = refused(tributary, *command, key=EVALUATORS[0])
    check("valuator" in message, message)
    tributary("adapter", "evaluators", adapter, *addresses, key=AUTHOR)
    reports = [tributary(*command, key=who)["report"] for who in EVALUATORS]
    check(reports[0] == reports[1], "two evaluators got two reports")
    trained = ("evaluate", adapter, "--benchmark", f"{ids['first']}@1", "--metric", "perplexity", "--report")
    message = refused(tributary, *trained, key=EVALUATORS[0])
    check("rain" in message, message)


def regression(tributary, folder, ids, work, adapter):
    recipe = write(folder, ids, rate=0.3, steps=30)
    worse = tributary("factory", "run", recipe, "--work", work, "--until", "documents", key=AUTHOR)
    check(worse["publish"] == {**worse["publish"], "asset": adapter, "version": 2}, f"no second version: {worse['publish']}")
    command = ("evaluate", adapter, "--benchmark", f"{ids['benchmark']}@1", "--metric", "perplexity", "--report")
    tributary(*command, key=EVALUATORS[0])
    changes = tributary("evaluate", "compare", adapter)
    check(changes["regressions"] == 1, f"no regression: {changes}")
    message = refused(tributary, "evaluate", "compare", adapter, "--fail-on-regression")
    check("exit 7" in message and "WORSE" in message, message)


def ablation(tributary, adapter):
    shown = tributary("ablation", "show", f"{adapter}:1")["ablation"]
    names = {loss["without"]["name"] for loss in shown["losses"]}
    check(len(names) == 2 and shown["method"] == "retrain" and shown["repeats"] == 2, f"ablation: {shown}")
    agent = next(one["agent"] for one in tributary("agent", "list") if one["name"] == "things-guide")
    return agent


def dropped(tributary, ids, agent):
    command = ("ablate", agent, "--benchmark", f"{ids['benchmark']}@1", "--metric", "perplexity", "--attach")
    for leave_out in ("adapters", "prompts"):
        report = tributary(*command, "--leave-out", leave_out, key=AUTHOR)["ablation"]
        check(len(report["losses"]) == 1 and report["method"] == "drop", f"{leave_out}: {report}")


def show(tributary, ids, adapter, agent, recipe, work):
    """What people see, for the documentation."""
    for command in [
        ("factory", "status", recipe, "--work", work),
        ("evaluate", adapter, "--benchmark", f"{ids['benchmark']}@1", "--metric", "perplexity", "--metric", "rougeL", "--max-tokens", 16),
        ("evaluate", "compare", adapter),
        ("ablation", "show", f"{adapter}:1"),
        ("ablation", "show", agent),
    ]:
        print(f"\n$ tributary {' '.join(str(part) for part in command)}")
        done = subprocess.run(tributary.command(*command, key=AUTHOR), env=tributary.env, capture_output=True, text=True)
        print(done.stdout + done.stderr, flush=True)


def run(arguments, folder, processes):
    node = DevNode(arguments.node, folder / "node")
    processes.append(node)
    node.ready()
    tributary = Tributary(arguments.cli, node.url, folder / "store", folder)
    ids = prepare(tributary, folder, arguments.model)
    bad_recipes(tributary, folder, ids)
    print("ok  bad recipes are refused before any work", flush=True)
    recipe, work, done = killed_and_resumed(tributary, folder, ids)
    adapter = done["publish"]["asset"]
    print("ok  a killed run goes on and gives the same adapter", flush=True)
    repeated(tributary, recipe, work, done)
    print("ok  nothing is registered twice", flush=True)
    evaluated(tributary, ids, adapter)
    print("ok  evaluators report, but not on what was trained on", flush=True)
    regression(tributary, folder, ids, work, adapter)
    print("ok  a worse version is a regression", flush=True)
    agent = ablation(tributary, adapter)
    dropped(tributary, ids, agent)
    print("ok  who would be missed stands with the asset", flush=True)
    if arguments.show:
        show(tributary, ids, adapter, agent, recipe, work)


if __name__ == "__main__":
    sys.exit(main("recipe", __doc__, run, show=0))
