"""The demo's chapter about ModelFactory: from a public and a private DataNet, by one recipe, to an agent that earns.

`make` comes before the worker starts, `allow` while it is configured, `ask` after it serves.
"""

from processes import Failed, ToolServer

OWNER, TOOL_AUTHOR, AUTHOR = "//Ida", "//Tom", "//Ann"
EVALUATORS = ["//Gina", "//Hans"]
ROLES = {OWNER: "contributor", TOOL_AUTHOR: "tool author", AUTHOR: "agent author", **dict.fromkeys(EVALUATORS, "evaluator")}
ACTORS = set(ROLES)
NAME = "handbook-guide"
# Texts of the corpus that stand for an organisation's own handbook: nobody else contributes them.
PRIVATE_TEXTS = 8
# Two skills lie opposite each other once their mean is taken away, so 0 means: whichever is nearer.
RECIPE = """\
base_model: {base}
datasets:
  - {{datanet: {public}, weight: 1}}
  - {{datanet: {private}, weight: 1}}
lora_r: 8
lora_alpha: 16
peft_use_rslora: true
sequence_len: 128
micro_batch_size: 2
gradient_accumulation_steps: 2
max_steps: {steps}
learning_rate: 0.002
warmup_steps: 5
chat_share: 0.2
seed: 42
evaluation:
  - benchmark: {{datanet: {benchmark}}}
    metrics: [multiple_choice, exact_match]
    max_tokens: 8
ablation:
  leave_out: datanets
  method: retrain
  repeats: 2
  max_steps: {ablation_steps}
publish:
  name: handbook-lora
  price: {{input: 0.01, output: 0.02}}
agent:
  name: {name}
  adapters: ["{git_adapter}"]
  prompts: ["{prompt}"]
  datanets: [{{datanet: {private}}}, {{datanet: {git}}}]
  tools: ["{tool}"]
  skills:
    - description: Debian systems, their packages, configuration and administration
      threshold: 0
      adapter: true
      datanets: [{private}]
    - description: git, version control, commits, branches and merges
      threshold: 0
      adapters: [{git_adapter}]
      datanets: [{git}]
  price: {{input: 1, output: 2}}
"""
QUESTIONS = ["How do I upgrade the packages of a Debian system?", "What does git rebase do to a branch of commits?"]
CALL = "How high is the river Elbe?"
TOOL_PRICE = 0.01
# What grants to train and to retrieve cost, TRB.
TRAIN_PRICE, RETRIEVE_PRICE = 5, 3


class Factory:
    def __init__(self, demo, say):
        self.demo, self.say = demo, say
        self.tributary, self.folder = demo.tributary, demo.folder

    def make(self):
        self.server = ToolServer(self.folder)
        self.demo.processes.append(self.server)
        self.server.ready()
        self.make_data()
        self.make_tool()
        self.run_recipe()
        self.evaluate()

    def make_data(self):
        self.private = self.tributary(
            "datanet", "create", "handbook", "--description", "An organisation's own handbook", "--policy", "open",
            "--private", key=OWNER,
        )["datanet"]
        added = self.tributary("datanet", "add", self.private, self.demo.private_texts, "--licence", "LicenseRef-own", key=OWNER)
        self.tributary("datanet", "snapshot", self.private, key=OWNER)
        self.tributary("datanet", "offer", self.private, "--purpose", "train", "--price", TRAIN_PRICE, key=OWNER)
        self.tributary("datanet", "offer", self.private, "--purpose", "retrieve", "--price", RETRIEVE_PRICE, key=OWNER)
        self.say(f"private DataNet {self.private} handbook: {len(added['added'])} encrypted texts")
        self.tributary("grant", "request", self.private, "--purpose", "train", key=AUTHOR)
        self.tributary("grant", "give", self.private, self.demo.address[AUTHOR], "--purpose", "train", key=OWNER)
        self.say(f"{AUTHOR[2:]} may train on it: {TRAIN_PRICE} TRB went to its pool")

    def make_tool(self):
        self.tool = self.tributary(
            "tool", "publish", "river-gauges", "--server", self.server.url, "--price", TOOL_PRICE, key=TOOL_AUTHOR
        )["asset"]
        self.say(f"tool {self.tool} river-gauges: an MCP server, {TOOL_PRICE} TRB a call")

    def run_recipe(self):
        demo = self.demo
        recipe = self.folder / "handbook.yaml"
        steps = demo.arguments.steps
        recipe.write_text(RECIPE.format(
            base=demo.base, public=demo.datanets["debian"], private=self.private, benchmark=demo.benchmark, git=demo.datanets["git"],
            git_adapter=demo.adapters["git"], prompt=demo.prompt, tool=self.tool, name=NAME, steps=steps,
            ablation_steps=max(steps // 2, 1),
        ))
        self.work = self.folder / "factory"
        done = self.tributary("factory", "run", recipe, "--work", self.work, key=AUTHOR)
        self.adapter, self.agent = done["publish"]["asset"], done["compose"]["asset"]
        again = self.tributary("factory", "run", recipe, "--work", self.work, key=AUTHOR)
        if again["publish"] != done["publish"] or again["compose"] != done["compose"]:
            raise Failed("the recipe registered something twice")
        self.say(f"one recipe: adapter {self.adapter} handbook-lora and agent {self.agent} {NAME}; run again, it does nothing")
        lost = self.tributary("ablation", "show", f"{self.adapter}:1")["ablation"]
        for loss in lost["losses"]:
            interval = loss["lost"]
            self.say(
                f"without {loss['without']['name']}: {loss['metric']} {loss['score_with']:.3f} -> {loss['score_without']:.3f}, "
                f"lost {interval['mean']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]"
            )

    @property
    def assets(self):
        return self.adapter, self.agent, self.tool

    def evaluate(self):
        self.tributary("adapter", "evaluators", self.adapter, *(self.demo.address[who] for who in EVALUATORS), key=AUTHOR)
        for who in EVALUATORS:
            self.demo.evaluate(self.adapter, who)
        try:
            self.tributary(
                "evaluate", self.adapter, "--benchmark", f"{self.demo.datanets['debian']}@1", "--metric", "perplexity", "--report",
                key=EVALUATORS[0],
            )
        except Failed as refusal:
            if "trained on" not in str(refusal):
                raise
            self.say("two evaluators reported; a report on what was trained on is refused")
        else:
            raise Failed("the chain took a report on what the adapter was trained on")

    def allow(self, worker):
        """The operator's word for the tool, and the worker's grant."""
        with worker.config.open("a") as config:
            config.write(f'[tools]\nallow = ["{self.server.origin}"]\n')
        done = worker.request(self.private)
        if done.returncode != 0:
            raise Failed(f"the worker could not ask for a grant:\n{done.stderr}")
        for request in self.tributary("grant", "list", self.private)["requests"]:
            self.tributary("grant", "give", self.private, request["grantee"], "--purpose", "retrieve", key=OWNER)
        self.granted = (TRAIN_PRICE + RETRIEVE_PRICE) * 10**12
        self.say(f"the worker may retrieve from DataNet {self.private}: {RETRIEVE_PRICE} TRB went to its pool")

    def ask(self, client):
        """Two questions that need a skill each, and one that needs the tool."""
        plain = {"max_tokens": 64, "temperature": 0.7}
        asked = [(question, plain) for question in QUESTIONS]
        # The small model has to be told to call, and needs room to read the result and write on.
        asked.append((CALL, {"max_tokens": 160, "temperature": 0, "tool_choice": "required"}))
        for question, more in asked:
            answer = client.chat.completions.with_raw_response.create(
                model=NAME, messages=[{"role": "user", "content": question}], **more
            )
            trail, whole = answer.headers["x-tributary-trail"], answer.parse()
            extra = whole.model_extra["x_tributary"]
            skills = [number for number, skill in enumerate(extra.get("skills", [])) if skill.get("active")]
            calls = [receipt for receipt in extra.get("receipts", []) if receipt["outcome"] == "done"]
            self.demo.result["questions"].append(
                {"agent": NAME, "question": question, "answer": whole.choices[0].message.content, "trail": trail,
                 "skills": skills, "calls": len(calls)}
            )
            self.say(f"{NAME}: {question} skills {skills}, {len(calls)} calls, {len(extra.get('citations', []))} sources")
        if not self.demo.result["questions"][-1]["calls"]:
            raise Failed(f"the tool was not called: {extra}")
