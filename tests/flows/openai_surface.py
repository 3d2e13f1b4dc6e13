"""What OpenAI's own client can ask for, through the proxy, of a worker with the model that ships with the project.

Log-probabilities, several choices, seeds, a JSON schema, a tool call and embeddings; then every record is settled
and its batch recomputed.
"""

import json
import math
import sys
import time

import openai

from flow import OPERATOR, batches, check, main, prepare
from processes import Failed, get, wait

MODEL = "river-guide"
ASK = [{"role": "user", "content": "Where does the river Elbe flow?"}]
RIVER = {"type": "string", "enum": ["Elbe", "Spree", "Havel"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "river": RIVER,
        "km": {"type": "integer", "minimum": 1, "maximum": 2000},
        "cities": {"type": "array", "items": {"enum": ["Dresden", "Hamburg", "Berlin"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["river", "km", "cities"],
    "additionalProperties": False,
}
LEVEL = {
    "type": "function",
    "function": {
        "name": "water_level",
        "description": "Level of a river",
        "parameters": {"type": "object", "properties": {"river": RIVER}, "required": ["river"], "additionalProperties": False},
    },
}


def logprobs(client):
    answer = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=16, logprobs=True, top_logprobs=5, seed=1)
    choice = answer.choices[0]
    tokens = choice.logprobs.content
    text = b"".join(bytes(token.bytes) for token in tokens).decode(errors="replace")
    check(text == choice.message.content, f"tokens make up {text!r}, the answer is {choice.message.content!r}")
    check(all(len(token.top_logprobs) == 5 and token.logprob <= 0 for token in tokens), "a token lacks its alternatives")
    legacy = client.completions.create(model=MODEL, prompt="The river", max_tokens=8, logprobs=2, temperature=0)
    shown = legacy.choices[0].logprobs
    check(len(shown.tokens) == len(shown.token_logprobs) == len(shown.text_offset) > 0, "the legacy shape is incomplete")


def choices(client):
    ask = {"model": MODEL, "messages": ASK, "max_tokens": 16, "n": 3, "seed": 5, "temperature": 1.3}
    first, second = (client.chat.completions.create(**ask) for _ in range(2))
    texts = [choice.message.content for choice in first.choices]
    check([choice.index for choice in first.choices] == [0, 1, 2] and len(set(texts)) > 1, f"choices are {texts}")
    check(texts == [choice.message.content for choice in second.choices], "the same seed gave another answer")
    check(first.system_fingerprint == second.system_fingerprint, "the fingerprint changed")
    cached = second.usage.prompt_tokens_details.cached_tokens
    check(0 < cached < second.usage.prompt_tokens, f"{cached} of {second.usage.prompt_tokens} prompt tokens were cached")
    streamed = ["", "", ""]
    for chunk in client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    check(streamed == texts, f"streamed {streamed}, whole {texts}")


def schema(client):
    format = {"type": "json_schema", "json_schema": {"name": "river", "schema": SCHEMA, "strict": True}}
    for seed in range(5):
        answer = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=120, response_format=format, seed=seed)
        value = json.loads(answer.choices[0].message.content)
        check(set(value) == set(SCHEMA["required"]) and 1 <= value["km"] <= 2000, f"{value} does not satisfy the schema")
    try:
        bad = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "river"}}}
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=bad)
    except openai.BadRequestError as error:
        check("response_format" in str(error), f"the error does not name the member: {error}")
    else:
        raise Failed("a wrong schema was taken")


def tool(client):
    ask = {"model": MODEL, "messages": ASK, "tools": [LEVEL], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 80}
    choice = client.chat.completions.create(**ask).choices[0]
    check(choice.finish_reason == "tool_calls", f"it ended by {choice.finish_reason}: {choice.message}")
    call = choice.message.tool_calls[0]
    check(json.loads(call.function.arguments)["river"] in RIVER["enum"], f"the call is {call}")
    messages = ASK + [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "2 m"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[LEVEL], tool_choice="none", max_tokens=16)
    check(answer.choices[0].message.content, "there is no answer after the tool's")


def embeddings(client):
    texts = ["The Elbe flows through Dresden.", "The Elbe flows through Hamburg.", "SELECT 1"]
    answers = [client.embeddings.create(model=MODEL, input=texts, encoding_format=format) for format in ("float", "base64")]
    vectors = [one.embedding for one in answers[0].data]
    if isinstance(answers[1].data[0].embedding, list):
        far = max(abs(a - b) for x, y in zip(vectors, answers[1].data) for a, b in zip(x, y.embedding))
        check(far < 1e-6, f"base64 differs by {far}")
    check(all(abs(math.dist(vector, [0] * len(vector)) - 1) < 1e-4 for vector in vectors), "a vector is not of length 1")
    near, other = math.dist(vectors[0], vectors[1]), math.dist(vectors[0], vectors[2])
    check(near < other, f"the two rivers are {near} apart, river and query {other}")
    check(answers[0].usage.prompt_tokens > 0, "embeddings cost nothing")


def run(arguments, folder, processes):
    node, tributary, address, worker, proxy = prepare(arguments, folder, processes)
    worker.ready(agents=1)
    proxy.ready()
    client = openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="unused", max_retries=4, timeout=120)
    for part in (logprobs, choices, schema, tool, embeddings):
        began = time.monotonic()
        part(client)
        print(f"    {part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    metrics = get(f"{worker.url}/metrics").decode()
    for name in ("vllm:kv_cache_usage_perc", "vllm:request_queue_time_seconds", "vllm:lora_requests_info"):
        check(name in metrics, f"{name} is not in the metrics")
    wait("settling every record", lambda: not worker.unsettled(), 120)
    records = [record for batch in batches(tributary, address[OPERATOR]) for record in batch["records"]]
    check(any(record["tokens_out"] == 0 for record in records), "embeddings have no settled record")
    print(f"    {len(records)} records settled and recomputed")


if __name__ == "__main__":
    sys.exit(main("openai", __doc__, run))
