"""Runs tributary-bench and the peer in turns and prints the median of each row.

usage: compare.py --bench PROGRAM --model FOLDER [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROWS = [(streams, kind) for streams in (1, 8, 32) for kind in ("base", "distinct")]


def run(name, command):
	"""Runs a measurement that writes its report to the file named last."""
	with tempfile.NamedTemporaryFile(suffix=".json") as file:
		done = subprocess.run([*command, "--json", file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
		if done.returncode != 0:
			sys.exit(f"{name} failed:\n{done.stdout[-3000:]}")
		return json.load(open(file.name))


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("--bench", required=True)
	parser.add_argument("--model", required=True)
	parser.add_argument("--rounds", type=int, default=5)
	parser.add_argument("--json")
	arguments = parser.parse_args()
	here = os.path.dirname(os.path.abspath(__file__))
	engine = [arguments.bench, "engine", os.path.join(arguments.model, "hf"), "--precision", "int8", "--runs", "1", "--zipf"]
	peer = [sys.executable, os.path.join(here, "peer.py"), arguments.model, "--runs", "1"]
	reports = {"tributary": [], "peer": []}
	for number in range(arguments.rounds):
		print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
		reports["tributary"].append(run("tributary-bench", engine))
		reports["peer"].append(run("the peer", peer))

	def median(name, streams, kind):
		rows = [row for report in reports[name] for row in report["rows"]]
		return statistics.median(row["tokens_per_second"] for row in rows if (row["streams"], row["adapters"]) == (streams, kind))

	def middle(*path):
		values = []
		for report in reports["tributary"]:
			for step in path:
				report = report[step]
			values.append(report)
		return statistics.median(values)

	rows = []
	for streams, kind in ROWS:
		ours, theirs = median("tributary", streams, kind), median("peer", streams, kind)
		ceiling = statistics.median(row["ceiling"] for report in reports["tributary"] for row in report["rows"]
			if (row["streams"], row["adapters"]) == (streams, kind))
		rows.append({"streams": streams, "adapters": kind, "tributary": ours, "peer": theirs, "ratio": ours / theirs, "ceiling": ceiling})
		print(f"{streams:3} streams, {kind:8}  tributary {ours:8.1f}   peer {theirs:8.1f} tokens/s   {ours / theirs:5.2f}x   "
			f"memory allows {ceiling:8.1f}, reached {ours / ceiling:4.0%}")
	ratio = {(row["streams"], row["adapters"]): row["ratio"] for row in rows}
	distinct = median("tributary", 32, "distinct")
	summary = {
		"ratios": {
			# Ours to the peer's.
			"mixed32": ratio[32, "distinct"], "mixed8": ratio[8, "distinct"], "base32": ratio[32, "base"], "single": ratio[1, "base"],
			# Ours to our own rate with 32 adapters, and to the time without what came before.
			"zipf1000": middle("zipf", "tokens_per_second") / distinct,
			"prefix_warm": middle("prefix", "warm_ms") / middle("prefix", "cold_ms"),
		},
		"rows": rows,
		"raw": reports,
		"bandwidth": middle("bandwidth"),
		"zipf": {key: middle("zipf", key) for key in reports["tributary"][0]["zipf"]},
		"first_token_p95_ms_32_distinct": statistics.median(
			row["first_token_p95_ms"] for report in reports["tributary"] for row in report["rows"]
			if (row["streams"], row["adapters"]) == (32, "distinct")),
		"prefix": {key: middle("prefix", key) for key in reports["tributary"][0]["prefix"]},
		"rounds": arguments.rounds,
		"peer_system": reports["peer"][0]["system"],
	}
	print(json.dumps({key: summary[key] for key in ("ratios", "bandwidth", "zipf", "first_token_p95_ms_32_distinct", "prefix", "peer_system")}, indent=1))
	if arguments.json:
		with open(arguments.json, "w") as file:
			json.dump(summary, file, indent=1)


main()
