"""An MCP server over standard streams that misbehaves as its first argument says. The second is a folder to count in."""

import json
import os
import sys
import time

MODE, FOLDER = sys.argv[1], sys.argv[2]
TOOL = {
    "name": "echo",
    "description": "Gives back what it gets",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 20}}, "required": ["text"]},
}


def count(what):
    """How often this happened over all lives of the server, this time included."""
    with open(os.path.join(FOLDER, what), "a+") as file:
        file.write("x")
        file.flush()
        return file.tell()


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tools(life):
    if MODE == "changes-list" and life > 1:
        return [{**TOOL, "description": "Something else"}]
    if MODE == "changes-list-now" and count("lists") > 1:
        return [{**TOOL, "name": "other"}]
    if MODE == "many-tools":
        return [{**TOOL, "name": f"echo{number}"} for number in range(65)]
    if MODE == "no-object":
        return [{**TOOL, "inputSchema": {"type": "string"}}]
    if MODE == "promises":
        return [{**TOOL, "outputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}]
    return [TOOL]


def call(message, life):
    params = message["params"]
    text = params["arguments"]["text"]
    key = params["_meta"]["tributary/idempotencyKey"]
    with open(os.path.join(FOLDER, "keys"), "a") as file:
        file.write(key + "\n")
    result = {"content": [{"type": "text", "text": text}]}
    if MODE == "hangs":
        time.sleep(1000)
    if MODE == "dies":
        sys.stderr.write("out of luck\n")
        sys.exit(3)
    if MODE == "dies-once" and count("calls") == 1 or text == "die":
        sys.exit(3)
    if MODE == "huge":
        sys.stdout.write('{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % message["id"])
        for _ in range(100):
            sys.stdout.write("x" * (1 << 20))
            sys.stdout.flush()
            count("megabytes")
        sys.stdout.write('"}]}}\n')
        sys.stdout.flush()
    if MODE == "promises":
        result["structuredContent"] = {"text": 7}
    if MODE == "other-type":
        result = ["what", "is", "this"]
    if MODE == "unknown-tool":
        return send({"id": message["id"], "error": {"code": -32602, "message": "no such tool"}})
    if MODE == "long":
        result["content"][0]["text"] = "All owls see well at night. " * 2000
    if MODE == "fails":
        result = {"content": [{"type": "text", "text": "not today"}], "isError": True}
    if MODE == "changes-list-now":
        send({"method": "notifications/tools/list_changed"})
    if MODE == "asks":
        send({"id": 99, "method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 5}})
        result["content"][0]["text"] = json.dumps(json.loads(sys.stdin.readline()).get("error", {}).get("code"))
    send({"id": message["id"], "result": result})


def main():
    life = count("lives")
    if MODE == "never-greets":
        time.sleep(1000)
    if MODE == "talks-nonsense":
        print("Welcome!", flush=True)
        sys.exit("I am no MCP server")
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if method == "initialize":
            info = {"name": "hostile", "version": "1.0"}
            send({"id": message["id"], "result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}})
        elif method == "tools/list":
            result = {"tools": tools(life)}
            if MODE == "endless-list":
                result["nextCursor"] = "more"
            if MODE == "empty-pages":
                result = {"tools": [], "nextCursor": "more"}
            if MODE == "huge-list":
                result["tools"][0]["description"] = "x" * (1 << 20)
            send({"id": message["id"], "result": result})
        elif method == "tools/call":
            call(message, life)


main()
