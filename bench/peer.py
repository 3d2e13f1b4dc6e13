"""Measures llama.cpp's server (the wheel xllamacpp) on the traffic that `tributary-bench engine` measures.

usage: peer.py FOLDER [--runs N] [--json FILE]

FOLDER is what model.py wrote. Prompts and answers have 64 tokens, greedy, over HTTP with one connection a stream, as
many server slots as streams. Prints the median of N runs of each row.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import statistics
import time
import urllib.request

import xllamacpp

TOKENS = 64


def start(folder, streams, adapters, threads):
	parameters = xllamacpp.CommonParams()
	parameters.model.path = os.path.join(folder, "model-q8_0.gguf")
	parameters.n_parallel = streams
	parameters.n_ctx = 256 * streams
	parameters.cpuparams.n_threads = threads
	parameters.cpuparams_batch.n_threads = threads
	parameters.warmup = True
	parameters.endpoint_metrics = False
	parameters.port = 0
	if adapters:
		found = []
		for number in range(adapters):
			adapter = xllamacpp.CommonAdapterLoraInfo()
			adapter.path = os.path.join(folder, "adapters", f"{number}.gguf")
			adapter.scale = 0.0
			found.append(adapter)
		parameters.lora_adapters = found
	return xllamacpp.Server(parameters)


def ask(server, prompt, adapter):
	body = {
		"prompt": prompt, "n_predict": TOKENS, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False,
		"stream": False, "return_tokens": True,
	}
	if adapter is not None:
		body["lora"] = [{"id": adapter, "scale": 1.0}]
	request = urllib.request.Request(f"{server.listening_address}/completion", json.dumps(body).encode(),
		{"content-type": "application/json"})
	with urllib.request.urlopen(request, timeout=600) as reply:
		answer = json.load(reply)
	if answer["tokens_predicted"] != TOKENS:
		raise RuntimeError(f"{answer['tokens_predicted']} tokens instead of {TOKENS}")


def run_once(server, streams, distinct, run):
	prompts = [[(at * 37 + stream * 101 + run * 13 + streams * 7) % 256 + 64 for at in range(TOKENS)] for stream in range(streams)]
	began = time.monotonic()
	with concurrent.futures.ThreadPoolExecutor(streams) as pool:
		done = [pool.submit(ask, server, prompt, stream if distinct else None) for stream, prompt in enumerate(prompts)]
		for each in done:
			each.result()
	return streams * TOKENS / (time.monotonic() - began)


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("folder")
	parser.add_argument("--runs", type=int, default=5)
	parser.add_argument("--threads", type=int, default=os.cpu_count())
	parser.add_argument("--only", help="one row, for example 32:distinct")
	parser.add_argument("--json")
	arguments = parser.parse_args()
	rows = []
	for streams in (1, 8, 32):
		for kind in ("base", "distinct"):
			if arguments.only not in (None, f"{streams}:{kind}"):
				continue
			server = start(arguments.folder, streams, streams if kind == "distinct" else 0, arguments.threads)
			rates = [run_once(server, streams, kind == "distinct", run) for run in range(arguments.runs + 1)][1:]
			rows.append({"streams": streams, "adapters": kind, "tokens_per_second": statistics.median(rates)})
			print(json.dumps(rows[-1]), flush=True)
			del server
	report = {"peer": "xllamacpp", "system": xllamacpp.get_system_info(), "runs": arguments.runs, "rows": rows}
	print(json.dumps(report))
	if arguments.json:
		with open(arguments.json, "w") as file:
			json.dump(report, file, indent=1)


main()
