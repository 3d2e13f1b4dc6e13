//! The operations as CubeCL kernels, on any GPU that CubeCL runs on.
//!
//! A step sends the GPU one small table per kind of work (places of the rows, tiles of the attention, tiles and pages of
//! the adapters), the same for all layers; all else stays on the device. Buffers are f32 but for pools and weights.

pub(crate) mod adapter;
mod attention;
mod elementwise;
mod floats;
mod lora;
mod packed;
mod plan;
mod store;

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_cubecl::{kernel::into_contiguous, tensor::CubeTensor, CubeBackend, CubeDevice};
use cubecl::{prelude::*, server::Handle};
use half::f16;

use self::{
	adapter::Widths,
	attention::Tiling,
	lora::{Counts, SiteShape},
	plan::{AttentionPlan, UpdatePlan},
	store::Heads,
};
use super::{page_elements, pages_of, Bits, Ops};
use crate::{
	config::ModelConfig,
	cpu::Precision,
	error::ModelError,
	executor::Chunk,
	lora::reader::{HostAdapter, HostFactors},
	projection::Site,
	quantized::Matrix,
	rope::RopeTable,
};

/// Numbers in a row on the device, contiguous.
#[derive(Clone)]
struct Buffer {
	handle: Handle,
	length: usize,
}

impl Buffer {
	fn arg(&self) -> BufferArg {
		// SAFETY: the buffer was made with this many numbers.
		unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.length) }
	}
}

/// A weight.
pub(crate) struct Weight(Kept);

/// A weight as it is kept.
// A few a layer: a box would cost more than the bytes.
#[allow(clippy::large_enum_variant)]
enum Kept {
	/// Floats of 32 or 16 bits, rows of outputs in memory: as the kernel takes them, unless the device puts gaps between
	/// rows, and as Burn does, `[inputs, outputs]`.
	Floats { shape: floats::Shape, rows: Option<Buffer>, turned: Tensor<2> },
	/// Words and scales as [`packed::pack`] gives them.
	Packed { shape: packed::Shape, words: Buffer, scales: Buffer },
}

/// An adapter in pages.
pub(crate) struct Adapter {
	pages: Vec<u32>,
	/// Highest rank per layer and [`Site`]; 0 where the adapter leaves it alone.
	ranks: Vec<[usize; 4]>,
}

/// CubeCL kernels on one device.
pub(crate) struct Cube {
	device: CubeDevice,
	client: Client,
	burn: Device,
	heads: Heads,
	tiling: Tiling,
	widths: Widths,
	/// `[positions, head_dim / 2]`.
	cos: Buffer,
	sin: Buffer,
	/// Of each layer, [`page_elements`] numbers a page.
	pools: Vec<Buffer>,
	/// How numbers of pools, scales and tables are kept: in 16 or 32 bits.
	stored: DType,
	precision: Precision,
	/// Whether products take the same order of sums for any number of rows.
	invariant: bool,
}

pub(crate) struct Step {
	rows: usize,
	/// `[rows, 2]`: position and page.
	places: Buffer,
	/// Plan of the attention, its tiles and segments.
	attention: (Buffer, usize, usize),
	/// Plan of the updates, its tiles and pairs; none if no row has an adapter.
	updates: Option<(Buffer, UpdatePlan)>,
}

impl Cube {
	/// Operations for positions `0..context`, with pools of `pages` pages.
	pub(crate) fn new(
		config: &ModelConfig,
		context: usize,
		pages: usize,
		precision: Precision,
		device: &Device,
	) -> Result<Self, ModelError> {
		let length = pages * page_elements(config);
		if u32::try_from(length).is_err() {
			return Err(ModelError::Config(format!(
				"{pages} pages of a layer are more than the GPU kernels index; lower adapter_bytes, max_batch or \
				 max_context"
			)));
		}
		let stored = match (precision, device.supports_dtype(FloatDType::F16)) {
			(Precision::Full, _) | (Precision::Int8 | Precision::Int4, false) => DType::F32,
			(_, true) => DType::F16,
			(Precision::Half, false) => {
				return Err(ModelError::Config(
					"the GPU does not compute with 16-bit floats; choose precision full, int8 or int4".into(),
				))
			}
		};
		if config.head_dim > attention::MAX_HEAD_DIM {
			return Err(ModelError::Config(format!(
				"head_dim {} is above the {} that the GPU kernels take; choose device cpu",
				config.head_dim,
				attention::MAX_HEAD_DIM
			)));
		}
		let heads = Heads { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim };
		let probe = primitive(Tensor::<1>::zeros([1], device));
		let table = RopeTable::new(config, context);
		let mut cube = Self {
			client: probe.client.clone(),
			device: probe.device.clone(),
			burn: device.clone(),
			tiling: Tiling::new(heads),
			heads,
			widths: Widths::new(config),
			cos: from_numbers(&probe.client, f32::as_bytes(&table.cos), table.cos.len()),
			sin: from_numbers(&probe.client, f32::as_bytes(&table.sin), table.sin.len()),
			pools: Vec::new(),
			stored,
			precision,
			invariant: false,
		};
		cube.pools = (0..config.layers)
			.map(|_| {
				let pool = primitive(Tensor::<1>::zeros([length], (device, stored)));
				Buffer { handle: pool.handle, length }
			})
			.collect();
		Ok(cube)
	}

	/// Makes a row's products the same bits in any company: the kernel for few rows computes many too, and reads the
	/// weights once for every 8 of them.
	pub(crate) fn batch_invariant(self, invariant: bool) -> Self {
		Self { invariant, ..self }
	}

	/// Pages of a pool.
	fn pages(&self) -> usize {
		self.pools.first().map_or(0, |pool| pool.length / self.heads.page_elements())
	}

	fn numbers(&self, length: usize) -> Buffer {
		Buffer { handle: self.client.empty(length * size_of::<f32>()), length }
	}

	fn numbers_u32(&self, values: &[u32]) -> Buffer {
		from_numbers(&self.client, u32::as_bytes(values), values.len())
	}

	/// Numbers as the pools keep them.
	fn kept(&self, values: &[f32]) -> Buffer {
		match self.stored {
			DType::F16 => {
				let values: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
				from_numbers(&self.client, f16::as_bytes(&values), values.len())
			}
			_ => from_numbers(&self.client, f32::as_bytes(values), values.len()),
		}
	}

	fn kept_type(&self) -> ElemType {
		match self.stored {
			DType::F16 => f16::elem_type_native(),
			_ => f32::elem_type_native(),
		}
	}

	/// A tensor of floats as the pools keep them.
	fn kept_tensor(&self, values: &[f32], shape: [usize; 2]) -> Tensor<2> {
		let data = match self.stored {
			DType::F16 => {
				TensorData::new(values.iter().copied().map(f16::from_f32).collect::<Vec<_>>(), shape)
			}
			_ => TensorData::new(values.to_vec(), shape),
		};
		Tensor::from_data(data, (&self.burn, self.stored))
	}

	/// A tensor's numbers, row by row.
	fn buffer(&self, tensor: Tensor<2>) -> Buffer {
		let length = tensor.shape().num_elements();
		Buffer { handle: into_contiguous(primitive(tensor)).handle, length }
	}

	fn tensor(&self, buffer: Buffer, shape: [usize; 2]) -> Tensor<2> {
		assert_eq!(buffer.length, shape[0] * shape[1]);
		Tensor::from_primitive::<CubeBackend>(CubeTensor::new_contiguous(
			self.client.clone(),
			self.device.clone(),
			shape.into(),
			buffer.handle,
			DType::F32,
		))
	}
}

fn from_numbers(client: &Client, bytes: &[u8], length: usize) -> Buffer {
	Buffer { handle: client.create_from_slice(bytes), length }
}

/// # Panics
/// If the tensor is not on a device of CubeCL's.
fn primitive<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
	tensor.try_into_primitive::<CubeBackend>().unwrap_or_else(|error| panic!("no tensor of a GPU: {error:?}"))
}

impl Ops for Cube {
	type Adapter = Adapter;
	type Weight = Weight;
	type Step = Step;

	fn table(&self, values: Vec<f32>, rows: usize, width: usize) -> Tensor<2> {
		self.kept_tensor(&values, [rows, width])
	}

	fn weight(&self, matrix: Matrix, outputs: usize, inputs: usize) -> Result<Weight, ModelError> {
		let bits = match self.precision {
			Precision::Full | Precision::Half => {
				let tensor = self.kept_tensor(&matrix.into_full(inputs), [outputs, inputs]);
				let stored = primitive(tensor.clone());
				let rows = stored
					.is_contiguous()
					.then(|| Buffer { handle: stored.handle.clone(), length: outputs * inputs });
				if self.invariant && rows.is_none() {
					return Err(ModelError::Config(
						"the device puts gaps between the rows of a weight, which the batch-invariant kernel does not \
						 read; set batch_invariant to false"
							.into(),
					));
				}
				let shape = floats::Shape { outputs, inputs };
				return Ok(Weight(Kept::Floats { shape, rows, turned: tensor.transpose() }));
			}
			Precision::Int8 => Bits::Eight,
			Precision::Int4 => Bits::Four,
		};
		let shape = packed::Shape { outputs, inputs, bits };
		let quantized = matrix.into_quantized(inputs, self.precision);
		let words = packed::pack(&quantized, shape);
		let scales: Vec<f32> = quantized.scales.into_iter().map(f16::to_f32).collect();
		Ok(Weight(Kept::Packed { shape, words: self.numbers_u32(&words), scales: self.kept(&scales) }))
	}

	fn multiply(&self, weight: &Weight, input: Tensor<2>) -> Tensor<2> {
		let few = self.invariant || input.dims()[0] <= floats::FEW;
		match &weight.0 {
			Kept::Floats { shape, rows: Some(weights), .. } if few => {
				let rows = input.dims()[0];
				let (input, output) = (self.buffer(input), self.numbers(rows * shape.outputs));
				let buffers = (input.arg(), weights.arg(), output.arg());
				floats::multiply(&self.client, rows, *shape, self.kept_type(), buffers);
				self.tensor(output, [rows, shape.outputs])
			}
			Kept::Floats { turned, .. } if self.stored == DType::F32 => input.matmul(turned.clone()),
			Kept::Floats { turned, .. } => {
				input.cast(FloatDType::F16).matmul(turned.clone()).cast(FloatDType::F32)
			}
			Kept::Packed { shape, words, scales } => {
				let rows = input.dims()[0];
				let (input, output) = (self.buffer(input), self.numbers(rows * shape.outputs));
				let buffers = (input.arg(), words.arg(), scales.arg(), output.arg());
				packed::multiply(&self.client, (rows, few), *shape, self.kept_type(), buffers);
				self.tensor(output, [rows, shape.outputs])
			}
		}
	}

	fn norm(&self, input: Tensor<2>, weight: &Tensor<2>, epsilon: f64) -> Tensor<2> {
		let [rows, width] = input.dims();
		let (input, output) = (self.buffer(input), self.numbers(rows * width));
		let buffers = (input.arg(), self.buffer(weight.clone()).arg(), output.arg());
		elementwise::norm(&self.client, width, epsilon as f32, buffers);
		self.tensor(output, [rows, width])
	}

	fn gated(&self, gate_up: Tensor<2>) -> Tensor<2> {
		let [rows, both] = gate_up.dims();
		let (input, output) = (self.buffer(gate_up), self.numbers(rows * both / 2));
		elementwise::gated(&self.client, both / 2, (input.arg(), output.arg()));
		self.tensor(output, [rows, both / 2])
	}

	fn adapter_pages(&self, adapter: &HostAdapter) -> usize {
		pages_of(adapter, self.heads.page_elements())
	}

	fn upload(&mut self, adapter: &HostAdapter, pages: &[u32]) -> Adapter {
		let size = self.heads.page_elements();
		assert_eq!(pages.len(), self.adapter_pages(adapter), "the adapter was not given its pages");
		assert!(pages.iter().all(|page| (*page as usize) < self.pages()), "no such page");
		let table = self.numbers_u32(pages);
		for (layer, pool) in adapter.layers.iter().zip(&self.pools) {
			let vector = adapter::layer_vector(layer, pages.len() * size);
			let values = self.kept(&vector);
			adapter::upload(&self.client, size, self.kept_type(), (values.arg(), table.arg(), pool.arg()));
		}
		let rank = |layer: &[Option<HostFactors>; 7], site: Site| {
			let factors =
				site.projections().iter().filter_map(|projection| layer[projection.index()].as_ref());
			factors.map(|factors| factors.rank).max().unwrap_or(0)
		};
		let ranks = adapter.layers.iter().map(|layer| Site::ALL.map(|site| rank(layer, site))).collect();
		Adapter { pages: pages.to_vec(), ranks }
	}

	fn begin(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Step {
		// What the kernels index with: they check nothing themselves.
		let (pages, positions) = (self.pages(), self.cos.length / (self.heads.head_dim / 2));
		for chunk in chunks {
			assert!(chunk.blocks.iter().all(|page| (*page as usize) < pages), "no such page");
			assert!(chunk.start + chunk.tokens.len() <= positions, "beyond the context");
		}
		let attention = AttentionPlan::new(self.tiling.rows, chunks);
		let updates = UpdatePlan::new(chunks);
		Step {
			rows: attention.places.len() / 2,
			places: self.numbers_u32(&attention.places),
			attention: (self.numbers_u32(&attention.numbers), attention.tiles, attention.segments),
			updates: (updates.pairs > 0).then(|| (self.numbers_u32(&updates.numbers), updates)),
		}
	}

	fn store(&mut self, step: &Step, layer: usize, qkv: Tensor<2>) -> Tensor<2> {
		let (qkv, queries) = (self.buffer(qkv), self.numbers(step.rows * self.heads.q_width()));
		let buffers = store::Store {
			qkv: qkv.arg(),
			cos: self.cos.arg(),
			sin: self.sin.arg(),
			places: step.places.arg(),
			queries: queries.arg(),
			pool: self.pools[layer].arg(),
		};
		store::launch(&self.client, step.rows, self.heads, self.kept_type(), buffers);
		self.tensor(queries, [step.rows, self.heads.q_width()])
	}

	fn attend(&self, step: &Step, layer: usize, queries: Tensor<2>, window: Option<usize>) -> Tensor<2> {
		let (rows, (plan, tiles, segments)) = (step.rows, &step.attention);
		let width = self.heads.q_width();
		let queries = self.buffer(queries);
		let output = self.numbers(rows * width * segments);
		let stats = self.numbers(rows * self.heads.heads * segments * 2);
		let buffers = attention::Attention {
			queries: queries.arg(),
			pool: self.pools[layer].arg(),
			plan: plan.arg(),
			output: output.arg(),
			stats: stats.arg(),
		};
		let counts = (rows, *tiles, *segments);
		attention::attend(&self.client, self.tiling, counts, window, self.kept_type(), buffers);
		if *segments == 1 {
			return self.tensor(output, [rows, width]);
		}
		let merged = self.numbers(rows * width);
		let buffers = (output.arg(), stats.arg(), merged.arg());
		attention::merge(&self.client, self.tiling, (rows, *segments), buffers);
		self.tensor(merged, [rows, width])
	}

	fn add_updates(
		&self,
		step: &Step,
		layer: usize,
		site: Site,
		input: &Tensor<2>,
		output: Tensor<2>,
	) -> Tensor<2> {
		let Some((plan, updates)) = &step.updates else { return output };
		let rank = updates.rank(layer, site);
		if rank == 0 {
			return output;
		}
		let projections = site.projections();
		let shape = SiteShape {
			widths: self.widths,
			page_elements: self.heads.page_elements(),
			first: projections.first().map_or(0, |projection| projection.index()),
			projections: projections.len(),
		};
		let counts = Counts { rows: step.rows, tiles: updates.tiles, pairs: updates.pairs, rank };
		let size = output.dims();
		let (input, output) = (self.buffer(input.clone()), self.own(output));
		let (low, pool) = (self.numbers(counts.low(shape)), &self.pools[layer]);
		let buffers = lora::Updates {
			input: input.arg(),
			low: (low.arg(), low.arg()),
			pool: (pool.arg(), pool.arg()),
			plan: (plan.arg(), plan.arg()),
			output: output.arg(),
		};
		lora::add(&self.client, shape, counts, self.kept_type(), buffers);
		self.tensor(output, size)
	}

	fn recover(&mut self) {}
}

impl Cube {
	/// A tensor's numbers, which nothing else refers to.
	fn own(&self, tensor: Tensor<2>) -> Buffer {
		let length = tensor.shape().num_elements();
		let tensor = into_contiguous(primitive(tensor));
		let handle = if tensor.can_mut() { tensor.handle } else { tensor.copy().handle };
		Buffer { handle, length }
	}
}
