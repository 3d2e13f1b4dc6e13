"""Writes the same random Llama-shaped model and LoRA adapters for both engines.

usage: model.py FOLDER [--adapters N] [--rank R]

FOLDER/hf is a Hugging Face folder (safetensors in f16), FOLDER/model-q8_0.gguf and model-f16.gguf are the same weights for
llama.cpp; FOLDER/adapters/N and FOLDER/adapters/N.gguf are the same LoRA adapters on all seven linear layers.
About 100 million parameters: 12 layers of width 768, 12 query and 4 key heads, MLP of 2,048, vocabulary of 32,000.
"""

import argparse
import json
import os

import gguf
import numpy as np
from safetensors.numpy import save_file

HIDDEN, LAYERS, HEADS, KV_HEADS, FFN, VOCAB, CONTEXT = 768, 12, 12, 4, 2048, 32_000, 2048
HEAD_DIM = HIDDEN // HEADS
# Name in Hugging Face folders, name in GGUF, outputs, inputs.
LINEAR = [
	("self_attn.q_proj", "attn_q", HIDDEN, HIDDEN),
	("self_attn.k_proj", "attn_k", KV_HEADS * HEAD_DIM, HIDDEN),
	("self_attn.v_proj", "attn_v", KV_HEADS * HEAD_DIM, HIDDEN),
	("self_attn.o_proj", "attn_output", HIDDEN, HIDDEN),
	("mlp.gate_proj", "ffn_gate", FFN, HIDDEN),
	("mlp.up_proj", "ffn_up", FFN, HIDDEN),
	("mlp.down_proj", "ffn_down", HIDDEN, FFN),
]


def tokens():
	"""256 bytes in GPT-2's spelling, then made-up words: only ids are ever used."""
	printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
	spelling = {byte: chr(byte) for byte in printable}
	for extra, byte in enumerate(byte for byte in range(256) if byte not in spelling):
		spelling[byte] = chr(256 + extra)
	return [spelling[byte] for byte in range(256)] + [f"w{number}" for number in range(256, VOCAB)]


def interleaved(weight, heads):
	"""llama.cpp rotates neighbouring rows of a head, Hugging Face the two halves."""
	return weight.reshape(heads, 2, HEAD_DIM // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path, weights, file_type):
	writer = gguf.GGUFWriter(path, "llama")
	writer.add_context_length(CONTEXT)
	writer.add_embedding_length(HIDDEN)
	writer.add_block_count(LAYERS)
	writer.add_feed_forward_length(FFN)
	writer.add_head_count(HEADS)
	writer.add_head_count_kv(KV_HEADS)
	writer.add_layer_norm_rms_eps(1e-5)
	writer.add_rope_dimension_count(HEAD_DIM)
	writer.add_rope_freq_base(10_000.0)
	writer.add_vocab_size(VOCAB)
	writer.add_file_type({"f16": 1, "q8_0": 7}[file_type])
	writer.add_tokenizer_model("gpt2")
	writer.add_token_list(tokens())
	writer.add_token_types([gguf.TokenType.NORMAL] * VOCAB)
	writer.add_token_merges(["a b"])
	writer.add_eos_token_id(0)
	writer.add_bos_token_id(0)
	writer.add_add_bos_token(False)

	def add(name, value):
		if value.ndim == 1:
			writer.add_tensor(name, value.astype(np.float32))
		elif file_type == "f16":
			writer.add_tensor(name, value.astype(np.float16))
		else:
			kind = gguf.GGMLQuantizationType.Q8_0
			writer.add_tensor(name, gguf.quants.quantize(value.astype(np.float32), kind), raw_dtype=kind)

	add("token_embd.weight", weights["model.embed_tokens.weight"])
	add("output_norm.weight", weights["model.norm.weight"])
	for layer in range(LAYERS):
		add(f"blk.{layer}.attn_norm.weight", weights[f"model.layers.{layer}.input_layernorm.weight"])
		add(f"blk.{layer}.ffn_norm.weight", weights[f"model.layers.{layer}.post_attention_layernorm.weight"])
		for module, name, _, _ in LINEAR:
			weight = weights[f"model.layers.{layer}.{module}.weight"]
			if name in ("attn_q", "attn_k"):
				weight = interleaved(weight, HEADS if name == "attn_q" else KV_HEADS)
			add(f"blk.{layer}.{name}.weight", weight)
	finish(writer)


def finish(writer):
	writer.write_header_to_file()
	writer.write_kv_data_to_file()
	writer.write_tensors_to_file()
	writer.close()


def write_model(folder, rng):
	hf = os.path.join(folder, "hf")
	os.makedirs(hf, exist_ok=True)

	def random(*shape):
		return (rng.standard_normal(shape, dtype=np.float32) * 0.02).astype(np.float16)

	weights = {"model.embed_tokens.weight": random(VOCAB, HIDDEN), "model.norm.weight": np.ones(HIDDEN, np.float16)}
	for layer in range(LAYERS):
		for norm in ("input_layernorm", "post_attention_layernorm"):
			weights[f"model.layers.{layer}.{norm}.weight"] = np.ones(HIDDEN, np.float16)
		for module, _, outputs, inputs in LINEAR:
			weights[f"model.layers.{layer}.{module}.weight"] = random(outputs, inputs)
	save_file(weights, os.path.join(hf, "model.safetensors"))
	config = {
		"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCAB, "hidden_size": HIDDEN,
		"intermediate_size": FFN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
		"num_key_value_heads": KV_HEADS, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
		"rope_theta": 10_000.0, "tie_word_embeddings": True, "hidden_act": "silu", "eos_token_id": 0,
	}
	with open(os.path.join(hf, "config.json"), "w") as file:
		json.dump(config, file)
	tokenizer = {
		"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
		"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
		"post_processor": None,
		"decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
		"model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
			"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
			"vocab": {token: number for number, token in enumerate(tokens())}, "merges": []},
	}
	with open(os.path.join(hf, "tokenizer.json"), "w") as file:
		json.dump(tokenizer, file)
	for kind in ("q8_0", "f16"):
		write_gguf(os.path.join(folder, f"model-{kind}.gguf"), weights, kind)
	return sum(weight.size for weight in weights.values())


def write_adapter(folder, number, rank, rng):
	peft = os.path.join(folder, "adapters", str(number))
	os.makedirs(peft, exist_ok=True)
	writer = gguf.GGUFWriter(f"{peft}.gguf", "llama")
	writer.add_type("adapter")
	writer.add_string("adapter.type", "lora")
	writer.add_float32("adapter.lora.alpha", float(2 * rank))
	tensors = {}
	for layer in range(LAYERS):
		for module, name, outputs, inputs in LINEAR:
			a = rng.standard_normal((rank, inputs), dtype=np.float32) * 0.02
			b = rng.standard_normal((outputs, rank), dtype=np.float32) * 0.02
			path = f"base_model.model.model.layers.{layer}.{module}"
			tensors[f"{path}.lora_A.weight"], tensors[f"{path}.lora_B.weight"] = a, b
			if name in ("attn_q", "attn_k"):
				b = interleaved(b, HEADS if name == "attn_q" else KV_HEADS)
			writer.add_tensor(f"blk.{layer}.{name}.weight.lora_a", a)
			writer.add_tensor(f"blk.{layer}.{name}.weight.lora_b", np.ascontiguousarray(b))
	finish(writer)
	save_file(tensors, os.path.join(peft, "adapter_model.safetensors"))
	with open(os.path.join(peft, "adapter_config.json"), "w") as file:
		json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank,
			"lora_dropout": 0.0, "bias": "none", "target_modules": [module.split(".")[1] for module, *_ in LINEAR]}, file)


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("folder")
	parser.add_argument("--adapters", type=int, default=32)
	parser.add_argument("--rank", type=int, default=16)
	arguments = parser.parse_args()
	rng = np.random.default_rng(7)
	parameters = write_model(arguments.folder, rng)
	for number in range(arguments.adapters):
		write_adapter(arguments.folder, number, arguments.rank, rng)
	print(f"{parameters / 1e6:.1f} million parameters, {arguments.adapters} adapters of rank {arguments.rank}")


main()
