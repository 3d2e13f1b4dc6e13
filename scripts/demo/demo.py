"""The whole loop with real processes: texts become DataNets, adapters and agents; a payer asks; people are paid.

`scripts/demo.sh` builds everything and calls this.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import factory
import ledger
from benchmark import items
from chain import Tributary
from processes import DevNode, Failed, Proxy, Worker, free_port, get_json
from questions import QUESTIONS

TRB = 10**12

# Who takes part. Every account is a development key, funded by Alice.
FUNDER, OPERATOR, SERVICE, PAYER = "//Alice", "//Bob", "//Bob//service", "//Pia"
BASE_AUTHOR, ADAPTER_AUTHOR, PROMPT_AUTHOR, FORKER = "//Dave", "//Charlie", "//Ferdie", "//Hanna"
AGENT_AUTHOR, EVALUATOR = "//Eve", "//Gina"
# DataNet: (policy, curator, contributors)
DATANETS = {
    "git": ("curated", "//Eve", ["//Ada", "//Berta", "//Carl"]),
    "postgresql": ("open", "//Eve", ["//Dora", "//Emil"]),
    "debian": ("curated", "//Ada", ["//Frieda", "//Gustav", "//Ada"]),
}
PROMPT = "You explain software to people who use it. Answer from the context, in its own words."
FORK = "You explain databases to people who run them. Answer from the context, in its own words."


def say(text):
    print(f"    {text}", flush=True)


class Demo:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = Path(arguments.work or tempfile.mkdtemp(prefix="tributary-demo-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.chapters = 0
        self.processes = []
        self.result = {"questions": [], "payouts": []}

    def chapter(self, title):
        self.chapters += 1
        print(f"\n[{self.chapters}/10] {title} ({time.monotonic() - self.began:.0f} s)", flush=True)

    def run(self):
        self.chapter("A development chain, and accounts")
        self.start_chain()
        self.chapter("Contributors register DataNets and add texts")
        self.make_datanets()
        self.chapter("A base model, adapters trained on the DataNets, prompts")
        self.make_assets()
        self.chapter("ModelFactory: public and private data, one recipe, evaluators, a tool, an agent with two skills")
        self.factory = factory.Factory(self, say)
        self.factory.make()
        self.chapter("Agents")
        self.make_agents()
        self.chapter("A bonded worker, and a payer's escrow")
        self.start_worker()
        self.chapter("Questions through the OpenAI client")
        self.ask()
        self.chapter("Batches on chain, and their window")
        self.settle()
        self.chapter("Claims")
        self.claim()
        self.chapter("Who was paid for what")
        self.account()

    def start_chain(self):
        self.node = DevNode(self.arguments.node, self.folder / "node")
        self.processes.append(self.node)
        self.node.ready()
        self.tributary = Tributary(self.arguments.cli, self.node.url, self.folder / "store", self.folder)
        self.address = {}
        everybody = {OPERATOR, SERVICE, PAYER, BASE_AUTHOR, ADAPTER_AUTHOR, PROMPT_AUTHOR, FORKER, AGENT_AUTHOR, EVALUATOR}
        everybody |= factory.ACTORS
        everybody |= {who for _, curator, who_all in DATANETS.values() for who in (curator, *who_all)}
        for who in sorted(everybody | {FUNDER}):
            self.address[who] = self.tributary("key", "show", who)["address"]
        for who in sorted(everybody - {FUNDER}):
            self.tributary("pay", self.address[who], 1_000, key=FUNDER)
        say(f"{len(everybody)} accounts with 1,000 TRB each; node log: {self.node.log}")

    def make_datanets(self):
        self.datanets, self.contributed, self.leaves = {}, {}, {}
        for name, (policy, curator, contributors) in DATANETS.items():
            texts = sorted((self.arguments.corpus / name).glob("*.txt"))
            if name == "debian":
                texts = self.set_apart(texts)
            if len(texts) < len(contributors):
                raise Failed(f"{self.arguments.corpus / name} has only {len(texts)} texts; run scripts/corpus.sh again")
            licence = (self.arguments.corpus / name / "LICENCE").read_text().split()[0]
            made = self.tributary(
                "datanet", "create", name, "--description", f"Debian's {name} documentation", "--policy", policy,
                "--curator", self.address[curator], key=curator,
            )
            identity = self.datanets[name] = made["datanet"]
            for number, who in enumerate(contributors):
                folder = self.folder / "texts" / name / who.strip("/")
                folder.mkdir(parents=True)
                for text in texts[number :: len(contributors)]:
                    shutil.copy(text, folder)
                added = self.tributary("datanet", "add", identity, folder, "--licence", licence, key=who)
                self.contributed.setdefault(who, {})[name] = len(added["added"])
            if policy == "curated":
                self.tributary("datanet", "review", identity, "--accept-pending", key=curator)
            leaves = self.tributary("datanet", "snapshot", identity, key=curator)["leaves"]
            self.leaves[name] = leaves
            say(f"DataNet {identity} {name}: {leaves} texts of {len(contributors)} contributors, {policy}, {licence}")

        self.make_benchmark()

    def set_apart(self, texts):
        """Texts that stand for a private handbook; the rest is public."""
        self.private_texts = self.folder / "texts" / "handbook"
        self.private_texts.mkdir(parents=True)
        for text in texts[-factory.PRIVATE_TEXTS :]:
            shutil.copy(text, self.private_texts)
        return texts[: -factory.PRIVATE_TEXTS]

    def make_benchmark(self):
        """Questions made from texts that nobody trains on."""
        held_out = sorted((self.arguments.corpus / "held-out").rglob("*.txt"))
        lines = items([path.read_text() for path in held_out], 24)
        text = self.folder / "texts" / "questions.txt"
        text.write_text("\n".join(lines) + "\n")
        self.benchmark = self.tributary("datanet", "create", "questions", "--policy", "open", key=EVALUATOR)["datanet"]
        self.tributary("datanet", "add", self.benchmark, text, "--licence", "GPL-2.0-or-later", key=EVALUATOR)
        self.tributary("datanet", "snapshot", self.benchmark, key=EVALUATOR)
        say(f"benchmark DataNet {self.benchmark}: {len(lines)} questions from texts that nobody trains on")

    def evaluate(self, asset, who):
        """An evaluator's report, measured now."""
        return self.tributary(
            "evaluate", asset, "--benchmark", f"{self.benchmark}@1", "--metric", "multiple_choice", "--report", key=who
        )

    def make_assets(self):
        price = ("--price-in", "0.02", "--price-out", "0.04")
        base = self.tributary("base", "publish", "tributary-3m", self.arguments.model, *price, key=BASE_AUTHOR)
        self.base, content = base["asset"], base["content"]
        say(f"base model {self.base}, content {content}")
        beforehand = self.arguments.adapters / content[:18]
        live = next(iter(DATANETS))
        self.adapters = {}
        for name in DATANETS:
            # Another number of texts is other data.
            folder = (self.folder if name == live else beforehand) / f"adapter-{name}-{self.leaves[name]}"
            report_file = folder.with_suffix(".json")
            if name == live or not report_file.exists():
                say(f"training an adapter on DataNet {name}, {self.arguments.steps} steps")
                report = self.tributary(
                    "train", "--base", self.base, "--datanet", self.datanets[name], "--out", folder, "--rank", 8,
                    "--steps", self.arguments.steps, key=ADAPTER_AUTHOR,
                )["report"]
                report_file.write_text(json.dumps(report, indent=2) + "\n")
            else:
                say(f"adapter on {name} was trained beforehand, in {folder}")
            made = self.tributary(
                "adapter", "publish", f"{name}-lora", folder, "--base", self.base, "--datanet", self.datanets[name],
                "--price-in", "0.01", "--price-out", "0.02", key=ADAPTER_AUTHOR,
            )
            self.adapters[name] = made["asset"]
            report = json.loads(report_file.read_text())
            before, after = report["perplexity_before"], report["perplexity_after"]
            say(f"adapter {made['asset']} {name}-lora: perplexity on held-out text {before:.1f} -> {after:.1f}")
            self.tributary("adapter", "evaluators", made["asset"], self.address[EVALUATOR], key=ADAPTER_AUTHOR)
            self.evaluate(made["asset"], EVALUATOR)
        for name, text in (("prompt", PROMPT), ("fork", FORK)):
            (self.folder / f"{name}.txt").write_text(text + "\n")
        self.prompt = self.tributary("prompt", "publish", "explain", self.folder / "prompt.txt", *price, key=PROMPT_AUTHOR)["asset"]
        self.fork = self.tributary("prompt", "fork", self.prompt, "explain-databases", self.folder / "fork.txt", *price, key=FORKER)["asset"]
        say(f"prompt {self.prompt} by {PROMPT_AUTHOR[2:]}, its fork {self.fork} by {FORKER[2:]}")

    def make_agents(self):
        self.agents = {}
        for name in DATANETS:
            prompt = self.fork if name == "postgresql" else self.prompt
            made = self.tributary(
                "agent", "compose", f"{name}-guide", "--base", self.base, "--adapter", self.adapters[name], "--prompt",
                prompt, "--datanet", self.datanets[name], "--price-in", "1", "--price-out", "2", key=AGENT_AUTHOR,
            )
            self.agents[name] = {"id": made["asset"], "name": f"{name}-guide"}
            say(f"agent {made['asset']} {name}-guide")

    def start_worker(self):
        port = free_port()
        self.tributary(
            "worker", "register", "--service-key", self.address[SERVICE], "--endpoint", f"http://127.0.0.1:{port}",
            "--model", self.base, "--bond", 500, key=OPERATOR,
        )
        self.worker = Worker(
            self.arguments.worker, self.folder, port, [self.node], self.address[OPERATOR], SERVICE, self.arguments.model,
            batch_records=10, batch_seconds=3,
        )
        self.processes.append(self.worker)
        self.factory.allow(self.worker)
        self.worker.ready(agents=len(self.agents) + 1)
        self.tributary("deposit", self.address[OPERATOR], 200, key=PAYER)
        self.proxy = Proxy(self.tributary, self.address[OPERATOR], PAYER, self.folder)
        self.processes.append(self.proxy)
        self.proxy.ready()
        say(f"worker at {self.worker.url}, proxy at {self.proxy.url}/v1")

    def ask(self):
        from openai import OpenAI

        client = OpenAI(base_url=f"{self.proxy.url}/v1", api_key="unused", max_retries=4, timeout=120)

        def one(task):
            number, name, question = task
            body = dict(
                model=self.agents[name]["name"], messages=[{"role": "user", "content": question}], max_tokens=64,
                temperature=0.7,
            )
            if number % 3 == 0:
                with client.chat.completions.with_streaming_response.create(
                    **body, stream=True, stream_options={"include_usage": True}
                ) as response:
                    trail, text = response.headers["x-tributary-trail"], ""
                    for line in response.iter_lines():
                        if line.startswith("data: {"):
                            for choice in json.loads(line[6:])["choices"]:
                                text += choice["delta"].get("content") or ""
            else:
                answer = client.chat.completions.with_raw_response.create(**body)
                trail, text = answer.headers["x-tributary-trail"], answer.parse().choices[0].message.content
            return {"agent": name, "question": question, "answer": text, "trail": trail}

        tasks = [(number, name, asked[number]) for number in range(10) for name, asked in QUESTIONS.items()]
        with ThreadPoolExecutor(3) as pool:
            for done in pool.map(one, tasks):
                self.result["questions"].append(done)
                say(f"{len(self.result['questions']):2}/{len(tasks)} {done['agent']:<10} {done['question']}")
        self.factory.ask(client)
        first = self.result["questions"][0]
        say(f"for example: {first['answer'].strip()[:300]!r}")

    def settle(self):
        def state():
            status = self.tributary("worker", "status", self.address[OPERATOR])
            records = sum(batch["records"] for batch in status["batches"] if batch["status"] == "credited")
            return status, records

        end = time.monotonic() + 120
        status, records = state()
        while records < len(self.result["questions"]):
            if time.monotonic() > end:
                raise Failed(f"only {records} records are credited after 120 s:\n{json.dumps(status, indent=2)}\n{self.worker.tail()}")
            time.sleep(1)
            status, records = state()
        self.result["batches"] = sorted(status["batches"], key=lambda batch: batch["sequence"])
        for batch in self.result["batches"]:
            found = self.tributary("verify", "batch", self.address[OPERATOR], batch["sequence"])
            say(f"batch {batch['sequence']}: {batch['records']} records, {int(batch['escrow']) / TRB:.6f} TRB, verified: {found['right']}")
            if not found["right"]:
                raise Failed(f"batch {batch['sequence']} is wrong: {json.dumps(found)}")
        for question in self.result["questions"]:
            question["fee"] = int(get_json(f"{self.worker.url}/v1/trail/{question['trail']}")["fee"])

    def claim(self):
        roles = {OPERATOR: "operator", BASE_AUTHOR: "base model author", ADAPTER_AUTHOR: "adapter author",
                 PROMPT_AUTHOR: "prompt author", FORKER: "prompt author", AGENT_AUTHOR: "agent author",
                 EVALUATOR: "evaluator", **factory.ROLES}
        for who in sorted(self.address):
            answer = self.tributary("claim", key=who)
            for failure in answer["failures"]:
                say(f"{who[2:]}: {failure}")
            for row in answer["claimed"]:
                role = "contributor" if row["from"].startswith(("pool", "answers", "worker")) else roles.get(who, "contributor")
                self.result["payouts"].append(
                    {"account": self.address[who], "name": who[2:], "role": role, "asset": row["from"], "planck": int(row["amount"])}
                )
        answer = self.tributary("claim", "--vault", "platform", key=FUNDER)
        for row in answer["claimed"]:
            self.result["payouts"].append(
                {"account": "treasury", "name": "treasury", "role": "platform", "asset": row["from"], "planck": int(row["amount"])}
            )
        for who, nets in sorted(self.contributed.items()):
            if not any(row["name"] == who[2:] and row["role"] == "contributor" for row in self.result["payouts"]):
                raise Failed(f"{who[2:]} contributed to {', '.join(nets)} and was paid nothing")

    def account(self):
        worker, payer = (ledger.account(self.node, self.address[who]) for who in (OPERATOR, PAYER))
        spent = ledger.charged(self.node, payer, worker)
        keys = [(ledger.PLATFORM, None), (ledger.STAKERS, None), (ledger.OPERATOR, worker)]
        assets = [self.base, self.prompt, self.fork, *self.adapters.values(), *(agent["id"] for agent in self.agents.values()), *self.factory.assets]
        keys += [(kind, asset) for asset in assets for kind in (ledger.ASSET, ledger.EVALUATORS)]
        keys += [(ledger.POOL, datanet) for datanet in (*self.datanets.values(), self.factory.private)]
        vaults = [ledger.vault(self.node, *key) for key in keys]
        credited, pending, claimed = ledger.settlement(self.node, worker)
        remaining = sum(vault[0] - vault[2] for vault in vaults) + credited + pending - claimed
        paid = sum(row["planck"] for row in self.result["payouts"])
        # A session may have ended meanwhile: it shares the stakers' part among the validators' pools.
        shared = vaults[keys.index((ledger.STAKERS, None))][2]
        pot = ledger.free_balance(self.node, ledger.POT) - ledger.EXISTENTIAL_DEPOSIT
        fees = sum(question["fee"] for question in self.result["questions"])
        granted = self.factory.granted
        conserved = spent + granted == paid + shared + remaining and pot == remaining and spent == fees

        width = max(len(row["asset"]) for row in self.result["payouts"])
        for row in sorted(self.result["payouts"], key=lambda row: (row["role"], row["name"])):
            print(f"    {row['role']:<18} {row['name']:<9} {row['asset']:<{width}} {row['planck'] / TRB:>14.9f} TRB")
        say(f"fees of the answers  {fees:>18} planck")
        say(f"escrow spent         {spent:>18} planck")
        say(f"paid for grants      {granted:>18} planck")
        say(f"claimed              {paid:>18} planck")
        say(f"shared by validators {shared:>18} planck")
        say(f"still in vaults      {remaining:>18} planck (the pot holds {pot})")
        say("conserved to the last planck" if conserved else "NOT CONSERVED")
        self.result.update(
            records=len(self.result["questions"]),
            datanets=[{"id": identity, "name": name} for name, identity in self.datanets.items()],
            agents=list(self.agents.values()),
            contributors=[
                {"account": self.address[who], "name": who[2:], "contributions": sum(nets.values()), "datanets": sorted(nets)}
                for who, nets in sorted(self.contributed.items())
            ],
            escrow_spent=spent, granted=granted, claimed=paid, shared=shared, remaining=remaining, conserved=conserved,
            seconds=round(time.monotonic() - self.began, 1),
        )
        if not conserved:
            raise Failed("the money does not add up: see the numbers above")

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("node", "worker", "cli", "model", "corpus", "adapters"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--work", help="folder for chain, store and logs [default: a new one under the temporary folder]")
    parser.add_argument("--json", type=Path, help="write the result as JSON")
    parser.add_argument("--steps", type=int, default=40, help="training steps of an adapter")
    demo = Demo(parser.parse_args())
    try:
        demo.run()
        code = 0
    except Failed as failure:
        print(f"\nerror: {failure}\nLogs and data are in {demo.folder}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    finally:
        demo.stop()
    if demo.arguments.json:
        demo.arguments.json.write_text(json.dumps(demo.result, indent=2) + "\n")
    if code == 0 and not demo.arguments.work:
        shutil.rmtree(demo.folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
