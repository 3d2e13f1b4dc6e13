"""Trains the same adapter on the same model with tributary-train and with `transformers` + `peft`, and prints both.

Both start from the same weights and see the same sequences in every step, so that their losses can be laid beside
each other. Time is that of the fastest step, which other work on the machine disturbed least; memory is the most that the
process held. --large trains a random model of 12 layers of width 768 (88 M parameters) with the tokenizer of --model.

usage: training.py --train PROGRAM --model FOLDER [--large] [--text FILE] [--steps N] [--batch N] [--sequence N] [--json FILE]

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0 peft==0.21.2
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

RANK, ALPHA, RATE, DECAY, CLIP, WARMUP = 8, 16.0, 3e-3, 0.05, 1.0, 3
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
OURS = {"lora": {}, "lora, checkpointing": {"gradient_checkpointing": True}, "qlora": {"method": "qlora"}}
THEIRS = {"lora": False, "lora, checkpointing": True}


def rate_at(step, steps):
	"""The learning rate of a step, as the trainer has it."""
	if step < WARMUP:
		return RATE * (step + 1) / (WARMUP + 1)
	done = min((step - WARMUP) / max(steps - WARMUP, 1), 1.0)
	return RATE * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def measured(command):
	"""Runs a program; returns what it printed and the most memory it held, in MiB."""
	peak = 0
	with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
		process = subprocess.Popen(command, stdout=out, stderr=errors, text=True)
		# Its own peak: what wait4 tells begins with that of the process that started it.
		while process.poll() is None:
			status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
			peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
			time.sleep(0.02)
		out.seek(0), errors.seek(0)
		if process.returncode != 0:
			sys.exit(f"{command} failed:\n{errors.read()[-3000:]}")
		return out.read(), peak / 1024


def cut(tokenizer, text, wanted):
	"""The start of a text that has exactly so many tokens."""
	offsets = tokenizer.encode(text, add_special_tokens=False).offsets
	for place in range(wanted, min(wanted + 64, len(offsets))):
		part = text[: offsets[place - 1][1]]
		ids = tokenizer.encode(part, add_special_tokens=False).ids
		if len(ids) == wanted:
			return part, ids
	sys.exit(f"no start of the text has {wanted} tokens; give a longer --text")


def large(model, folder):
	"""Writes a random model with the tokenizer of another."""
	import torch
	from transformers import LlamaConfig, LlamaForCausalLM

	torch.manual_seed(1)
	vocabulary = json.loads((pathlib.Path(model) / "config.json").read_text())["vocab_size"]
	config = LlamaConfig(vocab_size=vocabulary, hidden_size=768, intermediate_size=2048, num_hidden_layers=12,
		num_attention_heads=12, num_key_value_heads=4, max_position_embeddings=2048, tie_word_embeddings=True)
	LlamaForCausalLM(config).half().save_pretrained(folder)
	for name in ("tokenizer.json", "tokenizer_config.json"):
		(folder / name).write_bytes((pathlib.Path(model) / name).read_bytes())


def settings(arguments, work, name, method="lora", steps=None, rate=RATE, **schedule):
	"""Writes a configuration of the trainer. One epoch is one step: the order of the sequences does not matter."""
	config = {
		"base_dir": arguments.model, "texts": [str(work / "text.txt")], "held_out": [str(work / "held-out.txt")],
		"out_dir": str(work / name), "method": method, "rank": RANK, "alpha": ALPHA, "target_modules": MODULES,
		"schedule": {
			"steps": steps or arguments.steps, "batch": arguments.batch, "sequence": arguments.sequence,
			"learning_rate": rate, "warmup_steps": WARMUP, "weight_decay": DECAY, "clip_norm": CLIP,
			"checkpoint_steps": 1000000, "evaluation_sequences": 1, **schedule,
		},
	}
	path = work / f"{name}.json"
	path.write_text(json.dumps(config))
	return str(path)


def ours(arguments, work, name, options):
	config = settings(arguments, work, name.replace(", ", "-"), **options)
	_, peak = measured([arguments.train, "adapter", config])
	lines = [json.loads(line) for line in (work / name.replace(", ", "-") / ".curves.jsonl").read_text().splitlines()]
	steps = [line for line in lines if line["kind"] == "step"]
	seconds = [after["seconds"] - before["seconds"] for before, after in zip(steps, steps[1:])]
	report = json.loads((work / name.replace(", ", "-") / "training.json").read_text())["report"]
	return {
		"losses": [line["loss"] for line in steps], "seconds": min(seconds), "peak_mib": peak,
		"weight_mib": report["weight_bytes"] / 2**20,
	}


def theirs(arguments, work, checkpointing):
	command = [sys.executable, __file__, "--peer", str(work), "--model", arguments.model, "--steps", str(arguments.steps)]
	out, peak = measured(command + (["--checkpointing"] if checkpointing else []))
	return {**json.loads(out.splitlines()[-1]), "peak_mib": peak}


def peer(arguments):
	"""The same training by transformers and peft; prints its report."""
	import psutil
	import torch
	from peft import PeftModel
	from transformers import AutoModelForCausalLM

	torch.set_num_threads(len(os.sched_getaffinity(0)))
	work = pathlib.Path(arguments.peer)
	inputs = torch.tensor(json.loads((work / "sequences.json").read_text()))
	imported = psutil.Process().memory_info().rss / 2**20
	model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32)
	if arguments.checkpointing:
		model.gradient_checkpointing_enable()
		model.enable_input_require_grads()
	model = PeftModel.from_pretrained(model, work / "start", is_trainable=True)
	model.train()
	trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
	optimizer = torch.optim.AdamW(trained, lr=RATE, betas=(0.9, 0.95), eps=1e-8, weight_decay=DECAY)
	losses, seconds = [], []
	for step in range(arguments.steps):
		begun = time.monotonic()
		for group in optimizer.param_groups:
			group["lr"] = rate_at(step, arguments.steps)
		logits = model(input_ids=inputs[:, :-1], use_cache=False).logits
		loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), inputs[:, 1:].flatten())
		optimizer.zero_grad()
		loss.backward()
		torch.nn.utils.clip_grad_norm_(trained, CLIP)
		optimizer.step()
		losses.append(loss.item())
		seconds.append(time.monotonic() - begun)
	print(json.dumps({"losses": losses, "seconds": min(seconds), "imported_mib": imported}))


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("--train")
	parser.add_argument("--model", required=True)
	parser.add_argument("--text", default=str(pathlib.Path(__file__).parents[1] / "docs/architecture.md"))
	parser.add_argument("--steps", type=int, default=30)
	parser.add_argument("--batch", type=int, default=8)
	parser.add_argument("--sequence", type=int, default=256)
	parser.add_argument("--large", action="store_true")
	parser.add_argument("--json")
	parser.add_argument("--peer", help=argparse.SUPPRESS)
	parser.add_argument("--checkpointing", action="store_true", help=argparse.SUPPRESS)
	arguments = parser.parse_args()
	if arguments.peer:
		return peer(arguments)
	if not arguments.train:
		parser.error("--train names the program tributary-train")

	from tokenizers import Tokenizer
	tokenizer = Tokenizer.from_file(os.path.join(arguments.model, "tokenizer.json"))
	report = {"batch": arguments.batch, "sequence": arguments.sequence, "load": os.getloadavg()[0]}
	with tempfile.TemporaryDirectory() as folder:
		work = pathlib.Path(folder)
		if arguments.large:
			large(arguments.model, work / "large")
			arguments.model = str(work / "large")
		text, ids = cut(tokenizer, pathlib.Path(arguments.text).read_text(), arguments.batch * arguments.sequence)
		(work / "text.txt").write_text(text)
		(work / "held-out.txt").write_text(text[:2000])
		ids.append(tokenizer.token_to_id("<|endoftext|>"))
		rows = range(0, len(ids) - 1, arguments.sequence)
		(work / "sequences.json").write_text(json.dumps([ids[row : row + arguments.sequence + 1] for row in rows]))
		# A step that changes nothing leaves the weights that both start from.
		measured([arguments.train, "adapter", settings(arguments, work, "start", steps=1, rate=1e-30)])
		for program, kinds, run in (("tributary", OURS, ours), ("peft", THEIRS, theirs)):
			for name, options in kinds.items():
				row = run(arguments, work, name, options) if run is ours else run(arguments, work, options)
				row["tokens_per_second"] = arguments.batch * arguments.sequence / row["seconds"]
				report[f"{program}: {name}"] = row
				print(f"{program:9} {name:20} {row['tokens_per_second']:8.0f} tokens/s   peak {row['peak_mib']:6.0f} MiB   "
					f"loss {row['losses'][0]:.4f} -> {row['losses'][-1]:.4f}", flush=True)
	one, other = report["tributary: lora"]["losses"], report["peft: lora"]["losses"]
	report["largest_difference"] = max(abs(a - b) for a, b in zip(one, other))
	print(f"largest difference of the two losses in a step: {report['largest_difference']:.6f}")
	if arguments.json:
		pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
	main()
