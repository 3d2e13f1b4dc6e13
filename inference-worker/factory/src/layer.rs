//! One decoder layer: attention and MLP, with low-rank updates beside frozen weights.
//!
//! Activations are `[tokens, width]`; weights are kept as `[in, out]`, the transpose of the files' layout, so that
//! gradients come out of the matrix product contiguous.

use burn::tensor::{activation, Tensor};

use crate::{dropout::Dropout, positions::Positions, shape::ModelShape, weight::Weight};

/// Low-rank update `scale · (x · a) · b` of a projection (LoRA, Hu et al. 2021). The product `a · b` is never formed.
#[derive(Clone, Debug)]
pub(crate) struct LowRank {
	/// `[in, rank]`.
	pub a: Tensor<2>,
	/// `[rank, out]`.
	pub b: Tensor<2>,
	/// `alpha / rank`, or `alpha / √rank`.
	pub scale: f64,
	/// Number of the projection in the model: its dropout is its own.
	pub site: u64,
}

/// Projection `x · weight (+ bias) (+ low-rank update)`.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
	pub weight: Weight,
	/// `[1, out]`.
	pub bias: Option<Tensor<2>>,
	/// Update that is trained while the weight is frozen.
	pub low_rank: Option<LowRank>,
}

impl Linear {
	fn forward(&self, x: Tensor<2>, dropout: Option<&Dropout>) -> Tensor<2> {
		let mut y = self.weight.times(x.clone());
		if let Some(bias) = &self.bias {
			y = y + bias.clone();
		}
		if let Some(update) = &self.low_rank {
			let x = match dropout {
				Some(dropout) => dropout.apply(x, update.site),
				None => x,
			};
			y = y + x.matmul(update.a.clone()).matmul(update.b.clone()).mul_scalar(update.scale);
		}
		y
	}
}

/// One decoder layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
	/// `[1, hidden]`.
	pub input_norm: Tensor<2>,
	pub query: Linear,
	pub key: Linear,
	pub value: Linear,
	pub output: Linear,
	/// `[1, hidden]`.
	pub mlp_norm: Tensor<2>,
	pub gate: Linear,
	pub up: Linear,
	pub down: Linear,
}

/// `x` over its root mean square, times a weight `[1, width]`.
pub(crate) fn rms_norm(x: Tensor<2>, weight: &Tensor<2>, eps: f64) -> Tensor<2> {
	let mean_square = (x.clone() * x.clone()).mean_dim(1);
	x / mean_square.add_scalar(eps).sqrt() * weight.clone()
}

impl Layer {
	/// Hidden states `[rows · length, hidden]` after the layer.
	pub(crate) fn forward(
		&self,
		shape: &ModelShape,
		x: Tensor<2>,
		positions: &Positions,
		dropout: Option<&Dropout>,
	) -> Tensor<2> {
		let normed = rms_norm(x.clone(), &self.input_norm, shape.rms_norm_eps);
		let x = x + self.attention(shape, normed, positions, dropout);
		let normed = rms_norm(x.clone(), &self.mlp_norm, shape.rms_norm_eps);
		let gate = activation::silu(self.gate.forward(normed.clone(), dropout));
		x + self.down.forward(gate * self.up.forward(normed, dropout), dropout)
	}

	fn attention(
		&self,
		shape: &ModelShape,
		x: Tensor<2>,
		positions: &Positions,
		dropout: Option<&Dropout>,
	) -> Tensor<2> {
		let (heads, kv_heads, width) =
			(shape.num_attention_heads, shape.num_key_value_heads, shape.head_dim());
		let (rows, length, groups) = (positions.rows, positions.length, heads / kv_heads);
		let split = |x: Tensor<2>, heads: usize| x.reshape([rows, length, heads, width]).swap_dims(1, 2);
		let query = split(self.query.forward(x.clone(), dropout), heads);
		let query = positions.rotate(query).div_scalar((width as f64).sqrt());
		let key = positions.rotate(split(self.key.forward(x.clone(), dropout), kv_heads));
		let value = split(self.value.forward(x, dropout), kv_heads);
		// The query heads of one key head stand below each other: no key or value is repeated.
		let query = query.reshape([rows, kv_heads, groups * length, width]);
		let scores = query.matmul(key.swap_dims(2, 3)) + positions.mask.clone();
		let mixed = activation::softmax(scores, 3).matmul(value);
		let mixed = mixed.reshape([rows, heads, length, width]).swap_dims(1, 2);
		self.output.forward(mixed.reshape([rows * length, heads * width]), dropout)
	}

	/// The projections with their names in the layer, in a fixed order.
	pub(crate) fn projections(&mut self) -> [(&'static str, &mut Linear); 7] {
		[
			("self_attn.q_proj", &mut self.query),
			("self_attn.k_proj", &mut self.key),
			("self_attn.v_proj", &mut self.value),
			("self_attn.o_proj", &mut self.output),
			("mlp.gate_proj", &mut self.gate),
			("mlp.up_proj", &mut self.up),
			("mlp.down_proj", &mut self.down),
		]
	}

	/// Every tensor in floats with its name in the layer, in a fixed order.
	pub(crate) fn base_tensors(&mut self) -> Vec<(String, &mut Tensor<2>)> {
		let Self { input_norm, mlp_norm, query, key, value, output, gate, up, down } = self;
		let mut tensors = vec![
			("input_layernorm.weight".to_owned(), input_norm),
			("post_attention_layernorm.weight".to_owned(), mlp_norm),
		];
		let projections = [
			("self_attn.q_proj", query),
			("self_attn.k_proj", key),
			("self_attn.v_proj", value),
			("self_attn.o_proj", output),
			("mlp.gate_proj", gate),
			("mlp.up_proj", up),
			("mlp.down_proj", down),
		];
		for (name, projection) in projections {
			if let Weight::Full(weight) = &mut projection.weight {
				tensors.push((format!("{name}.weight"), weight));
			}
			if let Some(bias) = &mut projection.bias {
				tensors.push((format!("{name}.bias"), bias));
			}
		}
		tensors
	}

	/// The low-rank updates' tensors with the names of their projections.
	pub(crate) fn low_rank_tensors(&mut self) -> Vec<(String, &mut Tensor<2>)> {
		let mut tensors = Vec::new();
		for (name, projection) in self.projections() {
			if let Some(update) = &mut projection.low_rank {
				tensors.push((format!("{name}.a"), &mut update.a));
				tensors.push((format!("{name}.b"), &mut update.b));
			}
		}
		tensors
	}
}
