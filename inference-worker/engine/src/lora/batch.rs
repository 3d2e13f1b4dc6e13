//! Low-rank updates of a batch whose rows use different adapters, without merged weights.
//!
//! Rows are put in segments. A segment holds `g` sets of adapters, stacked as `[g, inputs, rank]` and
//! `[g, rank, outputs]`, and the same number of rows for each set, so that one batched multiplication serves them
//! all. Rows that share a set form a segment of their own (`g = 1`); the others are stacked a few at a time. Rows
//! without adapters are in no segment and cost nothing. Several adapters of one row are concatenated along the rank,
//! which adds their products up.

use std::{collections::HashMap, sync::Arc};

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

use super::{
	reader::HostAdapter,
	set::{AdapterSet, SetKey},
};
use crate::{
	config::ModelConfig,
	loading::transpose,
	projection::{Projection, Site},
};

/// From this many rows on, a set of adapters gets a segment of its own instead of one copy per row.
const SHARED_ROWS: usize = 4;
/// Sets stacked in one segment. Few, so that a row that comes or goes rebuilds little.
const STACKED_SETS: usize = 8;

/// The factors of one projection on the device: `a` is `[inputs, rank]`, `b` is `[rank, outputs]`.
struct Factors {
	a: Tensor<2>,
	b: Tensor<2>,
}

/// An adapter on the device.
pub(crate) struct Adapter {
	layers: Vec<[Option<Factors>; 7]>,
}

impl Adapter {
	pub(crate) fn upload(host: HostAdapter, model: &ModelConfig, device: &Device) -> Self {
		let upload = |(projection, factors): (Projection, Option<crate::lora::reader::HostFactors>)| {
			let factors = factors?;
			let (inputs, outputs) = projection.widths(model);
			let a = TensorData::new(transpose(&factors.a, inputs), [inputs, factors.rank]);
			let a = Tensor::from_data(a, device);
			let b = Tensor::from_data(TensorData::new(factors.b, [factors.rank, outputs]), device);
			Some(Factors { a, b })
		};
		let layers = host
			.layers
			.into_iter()
			.map(|layer| {
				let mut uploaded: [Option<Factors>; 7] = Default::default();
				for (slot, projection) in uploaded.iter_mut().zip(Projection::ALL.into_iter().zip(layer)) {
					*slot = upload(projection);
				}
				uploaded
			})
			.collect();
		Self { layers }
	}

	fn factors(&self, layer: usize, projection: Projection) -> Option<&Factors> {
		self.layers.get(layer)?.get(projection.index())?.as_ref()
	}
}

/// Factors of all members side by side along the rank, scaled. None if no member targets the projection.
fn factors(set: &AdapterSet<Adapter>, layer: usize, projection: Projection) -> Option<Factors> {
	let (a, b): (Vec<_>, Vec<_>) = set
		.members()
		.filter_map(|(scale, adapter)| {
			let factors = adapter.factors(layer, projection)?;
			Some((factors.a.clone(), factors.b.clone().mul_scalar(scale)))
		})
		.unzip();
	(!a.is_empty()).then(|| Factors { a: Tensor::cat(a, 1), b: Tensor::cat(b, 0) })
}

/// The update of one [`Site`]: the `a` of its projections side by side, and each `b`.
struct SiteFactors {
	/// `[g, inputs, sum of ranks]`.
	a: Tensor<3>,
	outputs: Vec<Output>,
}

// One a projection: a box would cost more than the bytes.
#[allow(clippy::large_enum_variant)]
enum Output {
	/// No adapter of the segment targets this projection.
	Zero { width: usize },
	/// `b` is `[g, rank, outputs]` and reads the low-rank columns from `start` on.
	Product { start: usize, rank: usize, b: Tensor<3> },
}

/// Stacked factors of a segment, per layer and [`Site`].
struct Stack {
	sets: usize,
	layers: Vec<[Option<SiteFactors>; 4]>,
}

struct Segment {
	/// Rows of the batch; none means all of them, in order.
	rows: Option<Tensor<1, Int>>,
	stack: Arc<Stack>,
}

/// The low-rank updates of one batch of rows.
#[derive(Default)]
pub(crate) struct LoraBatch {
	segments: Vec<Segment>,
}

impl LoraBatch {
	/// Adds the updates to `output`, `[rows, all outputs of the site]`, computed from `input`, `[rows, inputs]`.
	pub(crate) fn add_to(
		&self,
		mut output: Tensor<2>,
		input: &Tensor<2>,
		layer: usize,
		site: Site,
	) -> Tensor<2> {
		for segment in &self.segments {
			let factors = segment.stack.layers.get(layer).and_then(|sites| sites.get(site.index())?.as_ref());
			let Some(factors) = factors else { continue };
			output = match &segment.rows {
				None => output + factors.product(input.clone(), segment.stack.sets),
				Some(rows) => {
					let delta = factors.product(input.clone().select(0, rows.clone()), segment.stack.sets);
					output.select_assign(0, rows.clone(), delta, IndexingUpdateOp::Add)
				}
			};
		}
		output
	}
}

impl SiteFactors {
	fn product(&self, input: Tensor<2>, sets: usize) -> Tensor<2> {
		let [rows, inputs] = input.dims();
		let per_set = rows / sets;
		let low = input.reshape([sets, per_set, inputs]).matmul(self.a.clone());
		let device = low.device();
		let parts: Vec<Tensor<3>> = self
			.outputs
			.iter()
			.map(|output| match output {
				Output::Zero { width } => Tensor::zeros([sets, per_set, *width], &device),
				Output::Product { start, rank, b } => {
					low.clone().slice([0..sets, 0..per_set, *start..start + rank]).matmul(b.clone())
				}
			})
			.collect();
		let delta = Tensor::cat(parts, 2);
		let width = delta.dims()[2];
		delta.reshape([rows, width])
	}
}

/// Builds [`LoraBatch`]es and keeps the stacks of the last one, most of which the next one needs again.
pub(crate) struct LoraPlanner {
	model: ModelConfig,
	device: Device,
	stacks: HashMap<Vec<SetKey>, Arc<Stack>>,
}

impl LoraPlanner {
	pub(crate) fn new(model: &ModelConfig, device: &Device) -> Self {
		Self { model: model.clone(), device: device.clone(), stacks: HashMap::new() }
	}

	/// Forgets all stacks.
	pub(crate) fn clear(&mut self) {
		self.stacks.clear();
	}

	/// Updates for a batch with one set per row.
	pub(crate) fn plan(&mut self, rows: &[&AdapterSet<Adapter>]) -> LoraBatch {
		let mut groups: Vec<(SetKey, Vec<usize>)> = Vec::new();
		let mut index: HashMap<SetKey, usize> = HashMap::new();
		for (row, set) in rows.iter().enumerate().filter(|(_, set)| !set.is_empty()) {
			let key = set.key();
			let group = *index.entry(key.clone()).or_insert_with(|| {
				groups.push((key, Vec::new()));
				groups.len() - 1
			});
			groups[group].1.push(row);
		}
		let alone = groups.len() == 1;
		let (shared, single): (Vec<_>, Vec<_>) =
			groups.into_iter().partition(|(_, members)| alone || members.len() >= SHARED_ROWS);

		let mut segments = Vec::new();
		let mut used = HashMap::new();
		for (_, members) in shared {
			let first = [rows[members[0]]];
			segments.push(self.segment(&members, &first, rows.len(), &mut used));
		}
		let mut single: Vec<usize> = single.into_iter().flat_map(|(_, members)| members).collect();
		single.sort_unstable();
		for members in single.chunks(STACKED_SETS) {
			let sets: Vec<&AdapterSet<Adapter>> = members.iter().map(|row| rows[*row]).collect();
			segments.push(self.segment(members, &sets, rows.len(), &mut used));
		}
		self.stacks = used;
		LoraBatch { segments }
	}

	/// A segment of `members`, whose sets are `sets`; reuses the stack of the last plan where it is the same.
	fn segment(
		&self,
		members: &[usize],
		sets: &[&AdapterSet<Adapter>],
		batch: usize,
		used: &mut HashMap<Vec<SetKey>, Arc<Stack>>,
	) -> Segment {
		let key: Vec<SetKey> = sets.iter().map(|set| set.key()).collect();
		let stack = used
			.entry(key)
			.or_insert_with_key(|key| self.stacks.get(key).cloned().unwrap_or_else(|| self.stack_for(sets)))
			.clone();
		let rows = (members.len() != batch).then(|| {
			let rows: Vec<i32> = members.iter().map(|row| *row as i32).collect();
			let count = rows.len();
			Tensor::from_data(TensorData::new(rows, [count]), &self.device)
		});
		Segment { rows, stack }
	}

	fn stack_for(&self, sets: &[&AdapterSet<Adapter>]) -> Arc<Stack> {
		let layers = (0..self.model.layers)
			.map(|layer| Site::ALL.map(|site| self.stack_site(sets, layer, site)))
			.collect();
		Arc::new(Stack { sets: sets.len(), layers })
	}

	fn stack_site(&self, sets: &[&AdapterSet<Adapter>], layer: usize, site: Site) -> Option<SiteFactors> {
		let mut a = Vec::new();
		let mut outputs = Vec::new();
		let mut start = 0;
		for projection in site.projections() {
			let factors: Vec<_> = sets.iter().map(|set| factors(set, layer, *projection)).collect();
			let (inputs, width) = projection.widths(&self.model);
			let rank = factors.iter().flatten().map(|factors| factors.a.dims()[1]).max().unwrap_or(0);
			if rank == 0 {
				outputs.push(Output::Zero { width });
				continue;
			}
			// Sets of lower rank are filled up with zeros, which add nothing.
			let mut stacked_a = Tensor::<3>::zeros([sets.len(), inputs, rank], &self.device);
			let mut stacked_b = Tensor::<3>::zeros([sets.len(), rank, width], &self.device);
			for (set, factors) in factors.into_iter().enumerate() {
				let Some(factors) = factors else { continue };
				let own = factors.a.dims()[1];
				stacked_a = stacked_a.slice_assign([set..set + 1, 0..inputs, 0..own], factors.a.unsqueeze());
				stacked_b = stacked_b.slice_assign([set..set + 1, 0..own, 0..width], factors.b.unsqueeze());
			}
			a.push(stacked_a);
			outputs.push(Output::Product { start, rank, b: stacked_b });
			start += rank;
		}
		(!a.is_empty()).then(|| SiteFactors { a: Tensor::cat(a, 2), outputs })
	}
}
