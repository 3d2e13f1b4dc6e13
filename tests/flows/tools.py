"""A model that calls its agent's tool for a payer: a real MCP server, published, offered, called, recorded and paid.

The tool is a server made with the official Python SDK over streamable HTTP. The request forces the call, and the
grammar its arguments: the model that ships with the project is too small to want anything by itself.
"""

import json
import sys

import openai

from flow import CONTRIBUTOR, OPERATOR, batches, check, main, prepare
from processes import ToolServer, get_json, wait

MODEL, OWNER = "gauge-guide", "//Tom"
ASK = [{"role": "user", "content": "How high is the river Elbe?"}]
PRICE = 50_000_000_000


def publish(tributary, server):
    """The tool and an agent with it."""
    owner = tributary("key", "show", OWNER)["address"]
    tributary("pay", owner, 500, key="//Alice")
    published = tributary("tool", "publish", "river-gauges", "--server", server.url, "--price", "0.05", key=OWNER)
    check([tool["name"] for tool in published["tools"]] == ["water_level"], f"the server's tools are {published['tools']}")
    tool = published["asset"]
    check(tributary("tool", "check", tool)["matches"], "the server is not what was published")
    base = next(agent["base"] for agent in tributary("agent", "list") if agent["name"] == "river-guide")
    price = ("--price-in", "0.5", "--price-out", "1")
    tributary("agent", "compose", MODEL, "--base", base, "--tool", tool, *price, key=CONTRIBUTOR)
    return tool


def whole(client, proxy, tool):
    """One forced call. Gives the trail's id and how often the tool was paid."""
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tool_choice="required", max_tokens=120, temperature=0)
    choice = answer.choices[0]
    check(not choice.message.tool_calls, f"the agent's own call came out: {choice.message}")
    receipts = answer.model_extra["x_tributary"]["receipts"]
    done = [receipt for receipt in receipts if receipt["outcome"] == "done"]
    check(done and all(one["asset"] == tool and int(one["price"]) == PRICE for one in done), f"the receipts are {receipts}")
    trail = get_json(f"{proxy.url}/v1/trail/{answer.id}")
    check(trail["calls"] == [{"tool": {"id": tool, "version": 1}, "name": "river-gauges", "calls": len(done), "price": str(PRICE)}],
          f"the trail's calls are {trail['calls']}")
    check(int(trail["tools"]) == PRICE * len(done), f"the trail's tools cost {trail['tools']}")
    check(trail["evidence"]["receipts"] == receipts, "answer and evidence have different receipts")
    return answer.id, len(done)


def streamed(client):
    """The same as a stream: the call is silent."""
    stream = client.chat.completions.create(
        model=MODEL, messages=ASK, tool_choice="required", max_tokens=120, temperature=0, stream=True
    )
    chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    check(not any(delta.tool_calls for delta in deltas), "the agent's own call came out")
    receipts = chunks[-1].model_extra["x_tributary"]["receipts"]
    return sum(receipt["outcome"] == "done" for receipt in receipts)


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
    server = ToolServer(folder)
    processes.append(server)
    server.ready()
    tool = publish(tributary, server)
    # Without the operator's word nothing is called.
    with worker.config.open("a") as config:
        config.write(f'[tools]\nallow = ["{server.origin}"]\ncall_secs = 10\n')
    worker.ready(agents=2)
    proxy.ready()
    client = openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="unused", max_retries=4, timeout=120)
    trail, calls = whole(client, proxy, tool)
    calls += streamed(client)
    wait("the answer's credit", lambda: get_json(f"{proxy.url}/v1/trail/{trail}")["settlement"]["status"] == "credited", 120)
    records = [record for batch in batches(tributary, address[OPERATOR]) for record in batch["records"]]
    check(sum(int(record["tools"]) for record in records) == PRICE * calls, f"the records are {json.dumps(records)}")
    claimed = tributary("claim", "--vault", f"asset={tool}", key=OWNER)["claimed"]
    paid = sum(int(row["amount"]) for row in claimed)
    check(paid >= PRICE * calls, f"the tool's owner could claim {paid} of {PRICE * calls} planck: {claimed}")
    print(f"    {calls} calls recorded, settled and paid: its owner claims {paid} planck")

    server.stop()
    wait("the end of an agent whose tool is gone", lambda: MODEL not in worker.agents(), 60)
    print(f"    gone: {get_json(f'{worker.url}/health')['agents'][MODEL]}")


if __name__ == "__main__":
    sys.exit(main("tools", __doc__, run))
