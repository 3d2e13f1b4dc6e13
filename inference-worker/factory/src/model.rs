//! The decoder for training: Llama and Qwen2 on Burn tensors, with low-rank updates beside frozen weights.
//!
//! Activations are `[tokens, width]`; weights are kept as `[in, out]`, the transpose of the files' layout, so that
//! gradients come out of the matrix product contiguous.

use burn::tensor::{activation, Device, Int, Tensor, TensorData};

use crate::shape::ModelShape;

/// Low-rank update `scale · (x · a) · b` of a projection (LoRA, Hu et al. 2021). The product `a · b` is never formed.
#[derive(Clone, Debug)]
pub(crate) struct LowRank {
	/// `[in, rank]`.
	pub a: Tensor<2>,
	/// `[rank, out]`.
	pub b: Tensor<2>,
	/// `alpha / rank`.
	pub scale: f64,
}

/// Projection `x · weight (+ bias) (+ low-rank update)`.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
	/// `[in, out]`.
	pub weight: Tensor<2>,
	/// `[1, out]`.
	pub bias: Option<Tensor<2>>,
	/// Update that is trained while the weight is frozen.
	pub low_rank: Option<LowRank>,
}

impl Linear {
	pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
		let mut y = x.clone().matmul(self.weight.clone());
		if let Some(bias) = &self.bias {
			y = y + bias.clone();
		}
		if let Some(update) = &self.low_rank {
			y = y + x.matmul(update.a.clone()).matmul(update.b.clone()).mul_scalar(update.scale);
		}
		y
	}
}

/// One decoder layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
	pub input_norm: Tensor<2>,
	pub query: Linear,
	pub key: Linear,
	pub value: Linear,
	pub output: Linear,
	pub mlp_norm: Tensor<2>,
	pub gate: Linear,
	pub up: Linear,
	pub down: Linear,
}

/// Rotary position tables and the causal mask for one sequence length.
struct Positions {
	/// `[1, 1, sequence, head_dim]`.
	cos: Tensor<4>,
	sin: Tensor<4>,
	/// `[1, 1, head_dim, head_dim]`: turns `(x1, x2)` into `(-x2, x1)`.
	rotation: Tensor<4>,
	/// `[1, 1, groups · sequence, sequence]`: 0 for what may be seen, else minus infinity, whose exponential is quick.
	mask: Tensor<4>,
}

/// A decoder model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
	pub shape: ModelShape,
	/// `[vocabulary, hidden]`.
	pub embedding: Tensor<2>,
	pub layers: Vec<Layer>,
	/// `[1, hidden]`.
	pub norm: Tensor<2>,
	/// `[hidden, vocabulary]`; `None` where the embedding is used.
	pub head: Option<Tensor<2>>,
}

/// Loss of a batch, and its gradient at the last hidden state in closed form.
pub(crate) struct HeadLoss {
	/// Mean cross-entropy, nats; `[1]`.
	pub value: Tensor<1>,
	/// `[tokens, hidden]`.
	pub hidden_gradient: Tensor<2>,
	/// Gradient of the output projection in its own layout, where asked for.
	pub weight_gradient: Option<Tensor<2>>,
}

impl Model {
	/// Hidden states `[batch · sequence, hidden]` after the last norm, of tokens `[batch, sequence]`.
	pub(crate) fn hidden(&self, tokens: Tensor<2, Int>) -> Tensor<2> {
		let [batch, sequence] = tokens.dims();
		let positions = self.positions(sequence, &tokens.device());
		let hidden = self.shape.hidden_size;
		let mut x = burn::tensor::module::embedding(self.embedding.clone(), tokens)
			.reshape([batch * sequence, hidden]);
		for layer in &self.layers {
			let normed = self.rms_norm(x.clone(), &layer.input_norm);
			x = x + self.attention(layer, normed, &positions, batch, sequence);
			let normed = self.rms_norm(x.clone(), &layer.mlp_norm);
			let gate = activation::silu(layer.gate.forward(normed.clone()));
			x = x + layer.down.forward(gate * layer.up.forward(normed));
		}
		self.rms_norm(x, &self.norm)
	}

	/// Logits `[batch · sequence, vocabulary]`.
	pub(crate) fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
		match &self.head {
			Some(head) => hidden.matmul(head.clone()),
			None => hidden.matmul(self.embedding.clone().transpose()),
		}
	}

	/// Mean cross-entropy of `targets` `[tokens]`, nats, without gradients. `hidden` has no autodiff.
	pub(crate) fn loss(&self, hidden: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
		let tokens = targets.dims()[0];
		let log_probabilities = activation::log_softmax(self.logits(hidden), 1);
		log_probabilities.gather(1, targets.reshape([tokens, 1])).mean().neg()
	}

	/// Loss and gradients of the output projection and the softmax. The gradient of the cross-entropy at the logits is
	/// `softmax − one-hot`; taking it directly spares the tape a dozen passes over `[tokens, vocabulary]`.
	pub(crate) fn head_loss(
		&self,
		hidden: Tensor<2>,
		targets: Tensor<1, Int>,
		with_weight: bool,
	) -> HeadLoss {
		let tokens = targets.dims()[0];
		let targets = targets.reshape([tokens, 1]);
		let probabilities = activation::softmax(self.logits(hidden.clone()), 1);
		// Below the smallest positive float the logarithm would be infinite although the loss is not.
		let value =
			probabilities.clone().gather(1, targets.clone()).clamp_min(f32::MIN_POSITIVE).log().mean().neg();
		let minus_one = Tensor::full([tokens, 1], -1.0, &hidden.device());
		let gradient = probabilities
			.scatter(1, targets, minus_one, burn::tensor::IndexingUpdateOp::Add)
			.div_scalar(tokens as f64);
		let hidden_gradient = match &self.head {
			Some(head) => gradient.clone().matmul(head.clone().transpose()),
			None => gradient.clone().matmul(self.embedding.clone()),
		};
		let weight_gradient = with_weight.then(|| match &self.head {
			Some(_) => hidden.transpose().matmul(gradient),
			None => gradient.transpose().matmul(hidden),
		});
		HeadLoss { value, hidden_gradient, weight_gradient }
	}

	fn rms_norm(&self, x: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
		let mean_square = (x.clone() * x.clone()).mean_dim(1);
		x / mean_square.add_scalar(self.shape.rms_norm_eps).sqrt() * weight.clone()
	}

	fn attention(
		&self,
		layer: &Layer,
		x: Tensor<2>,
		positions: &Positions,
		batch: usize,
		sequence: usize,
	) -> Tensor<2> {
		let (heads, kv_heads, width) =
			(self.shape.num_attention_heads, self.shape.num_key_value_heads, self.shape.head_dim());
		let groups = heads / kv_heads;
		let split = |x: Tensor<2>, heads: usize| x.reshape([batch, sequence, heads, width]).swap_dims(1, 2);
		let query =
			positions.rotate(split(layer.query.forward(x.clone()), heads)).div_scalar((width as f64).sqrt());
		let key = positions.rotate(split(layer.key.forward(x.clone()), kv_heads));
		let value = split(layer.value.forward(x), kv_heads);
		// The query heads of one key head stand below each other: no key or value is repeated.
		let query = query.reshape([batch, kv_heads, groups * sequence, width]);
		let scores = query.matmul(key.swap_dims(2, 3)) + positions.mask.clone();
		let mixed = activation::softmax(scores, 3).matmul(value);
		let mixed = mixed.reshape([batch, heads, sequence, width]).swap_dims(1, 2);
		layer.output.forward(mixed.reshape([batch * sequence, heads * width]))
	}

	fn positions(&self, sequence: usize, device: &Device) -> Positions {
		let width = self.shape.head_dim();
		let half = width / 2;
		let (mut cos, mut sin) = (Vec::with_capacity(sequence * width), Vec::with_capacity(sequence * width));
		for position in 0..sequence {
			for index in 0..width {
				let exponent = (index % half) as f64 / half as f64;
				let angle = position as f64 * self.shape.rope_theta.powf(-exponent);
				cos.push(angle.cos() as f32);
				sin.push(angle.sin() as f32);
			}
		}
		let mut rotation = vec![0f32; width * width];
		for index in 0..half {
			rotation[(index + half) * width + index] = -1.0;
			rotation[index * width + index + half] = 1.0;
		}
		let groups = self.shape.num_attention_heads / self.shape.num_key_value_heads;
		let mut mask = Vec::with_capacity(groups * sequence * sequence);
		for row in 0..groups * sequence {
			mask.extend(
				(0..sequence).map(|column| if column > row % sequence { f32::NEG_INFINITY } else { 0.0 }),
			);
		}
		let tensor = |values: Vec<f32>, rows: usize, columns: usize| {
			Tensor::<4>::from_data(TensorData::new(values, [1, 1, rows, columns]), device)
		};
		Positions {
			cos: tensor(cos, sequence, width),
			sin: tensor(sin, sequence, width),
			rotation: tensor(rotation, width, width),
			mask: tensor(mask, groups * sequence, sequence),
		}
	}

	/// Every tensor with its name in a Hugging Face folder, in a fixed order.
	pub(crate) fn base_tensors(&mut self) -> Vec<(String, &mut Tensor<2>)> {
		let mut tensors = vec![("model.embed_tokens.weight".to_owned(), &mut self.embedding)];
		for (index, layer) in self.layers.iter_mut().enumerate() {
			let prefix = format!("model.layers.{index}");
			tensors.push((format!("{prefix}.input_layernorm.weight"), &mut layer.input_norm));
			tensors.push((format!("{prefix}.post_attention_layernorm.weight"), &mut layer.mlp_norm));
			let projections = [
				("self_attn.q_proj", &mut layer.query),
				("self_attn.k_proj", &mut layer.key),
				("self_attn.v_proj", &mut layer.value),
				("self_attn.o_proj", &mut layer.output),
				("mlp.gate_proj", &mut layer.gate),
				("mlp.up_proj", &mut layer.up),
				("mlp.down_proj", &mut layer.down),
			];
			for (name, projection) in projections {
				tensors.push((format!("{prefix}.{name}.weight"), &mut projection.weight));
				if let Some(bias) = &mut projection.bias {
					tensors.push((format!("{prefix}.{name}.bias"), bias));
				}
			}
		}
		tensors.push(("model.norm.weight".to_owned(), &mut self.norm));
		if let Some(head) = &mut self.head {
			tensors.push(("lm_head.weight".to_owned(), head));
		}
		tensors
	}

	/// The projections with their module names (`model.layers.0.self_attn.q_proj`), in a fixed order.
	pub(crate) fn projections(&mut self) -> Vec<(String, &mut Linear)> {
		let mut projections = Vec::new();
		for (index, layer) in self.layers.iter_mut().enumerate() {
			let of_layer = [
				("self_attn.q_proj", &mut layer.query),
				("self_attn.k_proj", &mut layer.key),
				("self_attn.v_proj", &mut layer.value),
				("self_attn.o_proj", &mut layer.output),
				("mlp.gate_proj", &mut layer.gate),
				("mlp.up_proj", &mut layer.up),
				("mlp.down_proj", &mut layer.down),
			];
			projections.extend(
				of_layer.map(|(name, projection)| (format!("model.layers.{index}.{name}"), projection)),
			);
		}
		projections
	}
}

impl Positions {
	fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
		let turned = x.clone().matmul(self.rotation.clone());
		x * self.cos.clone() + turned * self.sin.clone()
	}
}
