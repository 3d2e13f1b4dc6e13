//! The decoder for training: Llama and Qwen2 on Burn tensors.

use std::sync::Arc;

use burn::tensor::{activation, Device, IndexingUpdateOp, Int, Tensor, TensorData};
use half::f16;

use crate::{
	batch::Batch,
	layer::{rms_norm, Layer, Linear},
	positions::Positions,
	shape::ModelShape,
	weight::Weight,
};

/// Vectors of the tokens.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has few, and none is moved often")]
pub(crate) enum Embedding {
	/// `[vocabulary, hidden]`.
	Full(Tensor<2>),
	/// The same row-major in 16 bits, in the host's memory: a batch needs few rows of it.
	Half(Arc<[f16]>),
}

/// A decoder model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
	pub shape: ModelShape,
	pub embedding: Embedding,
	pub layers: Vec<Layer>,
	/// `[1, hidden]`.
	pub norm: Tensor<2>,
	/// Output projection; `None` where the embedding is used, which is in floats then.
	pub head: Option<Weight>,
}

/// Loss of a batch, and its gradient at the last hidden state in closed form.
pub(crate) struct HeadLoss {
	/// Sum of the cross-entropies over the divisor, nats; `[1]`.
	pub value: Tensor<1>,
	/// `[rows · length, hidden]`.
	pub hidden_gradient: Tensor<2>,
	/// Gradient of the output projection in its own layout, where asked for.
	pub weight_gradient: Option<Tensor<2>>,
}

impl Model {
	/// Embeds tokens: `[tokens, hidden]`.
	pub(crate) fn embed(&self, tokens: &[u32]) -> Tensor<2> {
		let (hidden, device) = (self.shape.hidden_size, self.norm.device());
		match &self.embedding {
			Embedding::Full(embedding) => embed(embedding.clone(), tokens),
			Embedding::Half(values) => {
				let row = |token: &u32| {
					let start = *token as usize * hidden;
					values.get(start..start + hidden).unwrap_or_default().iter().map(|value| value.to_f32())
				};
				let rows: Vec<f32> = tokens.iter().flat_map(row).collect();
				Tensor::from_data(TensorData::new(rows, [tokens.len(), hidden]), &device)
			}
		}
	}

	/// Hidden states `[rows · length, hidden]` after the last norm.
	pub(crate) fn hidden(&self, batch: &Batch) -> Tensor<2> {
		let positions = Positions::new(&self.shape, batch, &self.device());
		let mut x = self.embed(&batch.inputs);
		for layer in &self.layers {
			x = layer.forward(&self.shape, x, &positions, None);
		}
		rms_norm(x, &self.norm, self.shape.rms_norm_eps)
	}

	/// Where the weights are.
	pub(crate) fn device(&self) -> Device {
		self.norm.device().inner()
	}

	/// Logits `[tokens, vocabulary]`.
	pub(crate) fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
		match (&self.head, &self.embedding) {
			(Some(head), _) => head.times(hidden),
			(None, Embedding::Full(embedding)) => hidden.matmul(embedding.clone().transpose()),
			(None, Embedding::Half(_)) => {
				unreachable!("an embedding in 16 bits has an output projection beside it")
			}
		}
	}

	/// Sum of the cross-entropies of a batch's counted targets, nats, without gradients. `hidden` has no autodiff.
	pub(crate) fn loss(&self, hidden: Tensor<2>, batch: &Batch) -> Tensor<1> {
		let log_probabilities = activation::log_softmax(self.logits(counted(hidden, batch)), 1);
		log_probabilities.gather(1, batch.targets.clone().reshape([batch.count, 1])).sum().neg()
	}

	/// Loss over `divisor` targets, of which these are some, and its gradients. The gradient of the cross-entropy at the
	/// logits is `softmax − one-hot`; taking it directly spares the tape a dozen passes over `[tokens, vocabulary]`.
	pub(crate) fn head_loss(
		&self,
		hidden: Tensor<2>,
		batch: &Batch,
		divisor: usize,
		with_weight: bool,
	) -> HeadLoss {
		let (sizes, device) = (hidden.dims(), hidden.device());
		let targets: Tensor<2, Int> = batch.targets.clone().reshape([batch.count, 1]);
		let hidden = counted(hidden, batch);
		let probabilities = activation::softmax(self.logits(hidden.clone()), 1);
		// Below the smallest positive float the logarithm would be infinite although the loss is not.
		let value = probabilities.clone().gather(1, targets.clone()).clamp_min(f32::MIN_POSITIVE).log();
		let value = value.sum().neg().div_scalar(divisor as f64);
		let minus_one = Tensor::full([batch.count, 1], -1.0, &device);
		let gradient =
			probabilities.scatter(1, targets, minus_one, IndexingUpdateOp::Add).div_scalar(divisor as f64);
		let hidden_gradient = match (&self.head, &self.embedding) {
			(Some(head), _) => head.times_transposed(gradient.clone()),
			(None, Embedding::Full(embedding)) => gradient.clone().matmul(embedding.clone()),
			(None, Embedding::Half(_)) => {
				unreachable!("an embedding in 16 bits has an output projection beside it")
			}
		};
		let hidden_gradient = match &batch.places {
			Some(places) => {
				let zeros = Tensor::zeros(sizes, &device);
				zeros.select_assign(0, places.clone(), hidden_gradient, IndexingUpdateOp::Add)
			}
			None => hidden_gradient,
		};
		let weight_gradient = with_weight.then(|| match &self.head {
			Some(_) => hidden.transpose().matmul(gradient),
			None => gradient.transpose().matmul(hidden),
		});
		HeadLoss { value, hidden_gradient, weight_gradient }
	}

	/// Every tensor in floats with its name in a Hugging Face folder, in a fixed order.
	pub(crate) fn base_tensors(&mut self) -> Vec<(String, &mut Tensor<2>)> {
		let mut tensors = Vec::new();
		if let Embedding::Full(embedding) = &mut self.embedding {
			tensors.push(("model.embed_tokens.weight".to_owned(), embedding));
		}
		for (index, layer) in self.layers.iter_mut().enumerate() {
			tensors.extend(in_layer(index, layer.base_tensors()));
		}
		tensors.push(("model.norm.weight".to_owned(), &mut self.norm));
		if let Some(Weight::Full(head)) = &mut self.head {
			tensors.push(("lm_head.weight".to_owned(), head));
		}
		tensors
	}

	/// The low-rank updates' tensors, in a fixed order.
	pub(crate) fn low_rank_tensors(&mut self) -> Vec<(String, &mut Tensor<2>)> {
		let layers = self.layers.iter_mut().enumerate();
		layers.flat_map(|(index, layer)| in_layer(index, layer.low_rank_tensors())).collect()
	}

	/// The projections with their module names (`model.layers.0.self_attn.q_proj`), in a fixed order.
	pub(crate) fn projections(&mut self) -> Vec<(String, &mut Linear)> {
		let layers = self.layers.iter_mut().enumerate();
		layers.flat_map(|(index, layer)| in_layer(index, layer.projections())).collect()
	}

	/// Bytes in which the frozen weights are held, those of the updates not counted.
	pub(crate) fn weight_bytes(&mut self) -> u64 {
		let full = |tensor: &Tensor<2>| tensor.dims().iter().product::<usize>() as u64 * 4;
		let embedding = match &self.embedding {
			Embedding::Full(embedding) => full(embedding),
			Embedding::Half(values) => values.len() as u64 * 2,
		};
		let head = self.head.as_ref().map_or(0, Weight::bytes);
		let mut bytes = embedding + head + full(&self.norm);
		for layer in &mut self.layers {
			bytes += full(&layer.input_norm) + full(&layer.mlp_norm);
			for (_, projection) in layer.projections() {
				bytes += projection.weight.bytes() + projection.bias.as_ref().map_or(0, full);
			}
		}
		bytes
	}
}

/// Rows of an embedding `[vocabulary, hidden]`.
pub(crate) fn embed(embedding: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
	let [_, hidden] = embedding.dims();
	let ids: Vec<i32> = tokens.iter().map(|token| *token as i32).collect();
	let ids =
		Tensor::<2, Int>::from_data(TensorData::new(ids, [1, tokens.len()]), &embedding.device().inner());
	burn::tensor::module::embedding(embedding, ids).reshape([tokens.len(), hidden])
}

/// Hidden states whose targets count.
fn counted(hidden: Tensor<2>, batch: &Batch) -> Tensor<2> {
	match &batch.places {
		Some(places) => hidden.select(0, places.clone()),
		None => hidden,
	}
}

/// Names in a layer to names in the model.
fn in_layer<T, N: std::fmt::Display>(
	index: usize,
	named: impl IntoIterator<Item = (N, T)>,
) -> impl Iterator<Item = (String, T)> {
	named.into_iter().map(move |(name, item)| (format!("model.layers.{index}.{name}"), item))
}
