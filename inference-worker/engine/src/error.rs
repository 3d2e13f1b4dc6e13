//! What can go wrong, said with the next step.

use crate::device::DeviceChoice;

/// Why a folder of weights (base model or adapter) was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
	/// A file is missing or cannot be read.
	#[error("cannot read {file}: {reason}; check that the folder is complete and readable")]
	Unreadable {
		/// File that was asked for.
		file: String,
		/// What the system said.
		reason: String,
	},
	/// Weights are stored as a Python pickle, which can run code when it is opened.
	#[error("{file} is a pickle and is never opened; save the weights again as safetensors (`safe_serialization=True`)")]
	Pickle {
		/// Offending file.
		file: String,
	},
	/// A name in the folder leads out of it.
	#[error("{name} leads out of its folder; every file must lie in the folder itself, with a plain name and no link")]
	OutsideFolder {
		/// Offending name.
		name: String,
	},
	/// A file or its header is larger than the bound.
	#[error("{file} has {bytes} bytes, more than the limit of {limit}; use a smaller one")]
	TooLarge {
		/// File, or the header of a file.
		file: String,
		/// Size found, bytes.
		bytes: u64,
		/// Largest size accepted, bytes.
		limit: u64,
	},
	/// The safetensors header or a JSON file is malformed.
	#[error("{file} is malformed: {reason}; write it again with the tool that made it")]
	Malformed {
		/// Offending file.
		file: String,
		/// What is wrong.
		reason: String,
	},
	/// A tensor that the configuration asks for is not there.
	#[error("tensor {name} is missing; the file is incomplete or belongs to another configuration")]
	Missing {
		/// Name of the tensor.
		name: String,
	},
	/// Tensors that the configuration does not explain.
	#[error("unexpected tensors {names}; the file belongs to another configuration, and nothing is applied in part")]
	Unexpected {
		/// Up to five names.
		names: String,
	},
	/// A tensor has the wrong shape.
	#[error("tensor {name} has shape {found:?} where {expected:?} is needed; it belongs to another base model or rank")]
	Shape {
		/// Name of the tensor.
		name: String,
		/// Shape in the file.
		found: Vec<usize>,
		/// Shape that the configuration asks for.
		expected: Vec<usize>,
	},
	/// A tensor has a storage type other than f32, f16 and bf16.
	#[error("tensor {name} is stored as {dtype}; store it as F32, F16 or BF16 (quantized weights are not supported)")]
	Dtype {
		/// Name of the tensor.
		name: String,
		/// Type in the file.
		dtype: String,
	},
	/// A tensor holds NaN or an infinity.
	#[error("tensor {name} holds a value that is not finite (element {index}); train or export it again")]
	NotFinite {
		/// Name of the tensor.
		name: String,
		/// First offending element, row-major.
		index: usize,
	},
}

/// Why a model folder was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
	/// Weights or files of the folder.
	#[error(transparent)]
	Weights(#[from] WeightsError),
	/// The architecture is not one that the engine knows.
	#[error(
		"architecture {0} is unknown; LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, MistralForCausalLM, \
		 MixtralForCausalLM and Qwen3MoeForCausalLM are supported"
	)]
	Architecture(String),
	/// config.json asks for something that the engine does not do.
	#[error("config.json asks for {option} = {value}, which is not supported; export the model without it")]
	Unsupported {
		/// Name of the option.
		option: String,
		/// Its value.
		value: String,
	},
	/// A number of config.json is missing or out of bounds.
	#[error("config.json: {0}; correct the file")]
	Config(String),
	/// tokenizer.json cannot be used.
	#[error("tokenizer.json: {0}; export it with `tokenizer.save_pretrained`")]
	Tokenizer(String),
	/// The chat template cannot be compiled.
	#[error("chat template: {0}; correct tokenizer_config.json or chat_template.jinja")]
	Template(String),
}

/// Why an adapter was refused. The request that named it fails, others go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdapterError {
	/// The content could not be fetched or did not match its hash.
	#[error("cannot be fetched: {0}; check the content store and its hints")]
	Fetch(String),
	/// Weights or files of the folder.
	#[error(transparent)]
	Weights(#[from] WeightsError),
	/// The configuration names a feature that the engine does not have. Nothing is half applied.
	#[error("adapter_config.json asks for {option} = {value}, which is not supported; train a plain LoRA without it")]
	Unsupported {
		/// Name of the option.
		option: String,
		/// Its value.
		value: String,
	},
	/// A value of adapter_config.json is missing or out of bounds.
	#[error("adapter_config.json: {0}; correct the file")]
	Config(String),
	/// The adapter alone, or the adapters of one request together, exceed the budget.
	#[error(
		"needs {bytes} bytes where the adapter budget is {budget}; raise adapter_bytes or use a lower rank"
	)]
	OverBudget {
		/// Bytes needed in memory.
		bytes: u64,
		/// Configured budget, bytes.
		budget: u64,
	},
	/// The device could not take the adapter.
	#[error("cannot be put on the device: {0}; lower adapter_bytes or max_batch")]
	Upload(String),
	/// The scale of a request is not a finite number.
	#[error("scale {0} is not a finite number; send a finite scale")]
	Scale(String),
}

/// An error of the engine or of one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
	/// The model folder was refused.
	#[error("model: {0}")]
	Model(#[from] ModelError),
	/// An adapter was refused.
	#[error("adapter {hash}: {error}")]
	Adapter {
		/// Content hash, hexadecimal.
		hash: String,
		/// Why.
		error: AdapterError,
	},
	/// The device asked for is not in this build or this machine.
	#[error("device {device}: {reason}")]
	Device {
		/// Device asked for.
		device: DeviceChoice,
		/// What is missing and what to do.
		reason: String,
	},
	/// Weights and KV cache do not fit.
	#[error("model needs {needed} bytes ({weights} weights, {cache} KV cache) where {available} are available; lower max_batch or max_context, or use a smaller model")]
	Memory {
		/// Total, bytes.
		needed: u64,
		/// Part of the weights, bytes.
		weights: u64,
		/// Part of the KV cache at max_batch and full context, bytes.
		cache: u64,
		/// Limit configured or found, bytes.
		available: u64,
	},
	/// A request needs more memory than the engine has, nothing else running.
	#[error("the request needs {needed} bytes for its adapters, prompt and longest answer where {budget} are there; ask for fewer tokens, or raise memory_bytes")]
	TooLarge {
		/// Needed, bytes.
		needed: u64,
		/// All pages, bytes.
		budget: u64,
	},
	/// A model cannot be quantized as asked.
	#[error("quantize: {0}")]
	Quantize(String),
	/// A configured number makes no sense.
	#[error("engine configuration: {0}")]
	Config(String),
	/// The model folder has no chat template.
	#[error("the model folder has no chat template; use completions, or add chat_template.jinja")]
	NoTemplate,
	/// The chat template refused or failed on the messages.
	#[error("chat template: {0}; change the messages")]
	Render(String),
	/// Text could not be turned into tokens or back.
	#[error("tokenizer: {0}")]
	Tokenizer(String),
	/// Sampling parameters out of range.
	#[error("sampling: {0}")]
	Sampling(String),
	/// A grammar cannot be compiled, or takes too much work while it is followed.
	#[error("grammar: {0}; change or simplify it")]
	Grammar(String),
	/// The device failed in the middle of the work; running requests are lost, the engine goes on.
	#[error("inference failed: {0}; send the request again")]
	Inference(String),
}

/// Why a request was not accepted. Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
	/// Every place in the queue is taken.
	#[error("the queue is full; try again in {retry_after_secs} s")]
	QueueFull {
		/// Estimated wait, seconds, at least 1.
		retry_after_secs: u64,
	},
	/// Prompt and answer do not fit the context.
	#[error("{tokens} tokens (prompt and max_tokens) exceed the context of {context}; shorten the prompt or lower max_tokens")]
	TooLong {
		/// Tokens asked for.
		tokens: usize,
		/// Largest number of tokens of a request.
		context: usize,
	},
	/// No prompt token, or no token asked for.
	#[error("the prompt or max_tokens is empty; send at least one token and ask for at least one")]
	Empty,
	/// The engine is stopping.
	#[error("the engine is shutting down; send the request to another worker")]
	ShuttingDown,
}
