//! Submitting usage batches.

use super::{charges::Usage, split::Credits};
use crate::*;
use alloc::{collections::BTreeSet, vec::Vec};
use frame::prelude::*;
use tributary_primitives::{
	batch::{BatchHeader, BatchStatus},
	fee::price_of_calls,
	limits::{
		MAX_AGENT_ADAPTERS, MAX_AGENT_PROMPTS, MAX_AGENT_TOOLS, MAX_CREDITS_PER_BATCH, MAX_RECORDS_PER_BATCH,
	},
	traits::{AgentParts, Parts, Workers},
	views::{AgentTotal, BatchView, Parameters},
	Balance, Served, VaultKey,
};

/// Matured batches that a submission credits at most.
pub(crate) const CREDITED_WITH_SUBMISSION: u32 = 4;
/// Vault credits that a submission applies at most: some, and more for each agent it lists. A worker
/// whose batches are alike thereby credits as fast as it submits.
const CREDITS_WITH_SUBMISSION: u32 = 16;
const CREDITS_PER_AGENT: u32 = 8;
/// Agents of the batch that [`WeightInfo::batch_parts`] measures; more of the largest would credit more vaults than a
/// batch may.
pub(crate) const LARGE_AGENTS: u32 = 12;

fn overflow() -> DispatchError {
	ArithmeticError::Overflow.into()
}

/// What each agent version with its active skills settled, and what each vault is credited, planck.
type Divided = (Vec<AgentTotal>, Vec<(VaultKey, Balance)>);

/// How many parts a batch's agents have together.
struct PartCounts {
	adapters: u32,
	prompts: u32,
	tools: u32,
}

impl PartCounts {
	fn of(parts: &[Parts]) -> Self {
		let count = |of: fn(&Parts) -> usize| parts.iter().map(of).sum::<usize>().saturated_into();
		Self {
			adapters: count(|parts| parts.adapters.len()),
			prompts: count(|parts| parts.prompts.len()),
			tools: count(|parts| parts.tools.len()),
		}
	}
}

impl<T: Config> Pallet<T> {
	/// Vault credits that a submission with this many agents may apply on the way.
	pub(crate) fn credit_allowance(agents: usize) -> u32 {
		let agents: u32 = agents.saturated_into();
		agents.saturating_mul(CREDITS_PER_AGENT).saturating_add(CREDITS_WITH_SUBMISSION)
	}

	/// Weight of a submission and of the most it may credit, were all agents as large as they may be.
	pub(crate) fn submit_weight(agents: usize, charges: &Charges) -> Weight {
		let most = |of_one: u32| of_one.saturating_mul(agents.saturated_into());
		let parts = PartCounts {
			adapters: most(MAX_AGENT_ADAPTERS),
			prompts: most(MAX_AGENT_PROMPTS),
			tools: most(MAX_AGENT_TOOLS),
		};
		Self::batch_weight(agents, parts, charges)
			.saturating_add(T::WeightInfo::credit(CREDITED_WITH_SUBMISSION, Self::credit_allowance(agents)))
	}

	/// Weight of a submission alone.
	fn batch_weight(agents: usize, parts: PartCounts, charges: &Charges) -> Weight {
		let usage = charges.iter().flat_map(|charge| charge.usage.iter());
		let (entries, calls) = usage.fold((0usize, 0usize), |(entries, calls), usage| {
			(entries.saturating_add(1), calls.saturating_add(usage.calls.len()))
		});
		let usage = T::WeightInfo::batch_usage(entries.saturated_into(), calls.saturated_into());
		let bare = T::WeightInfo::batch_parts(0, 0, 0);
		let parts =
			T::WeightInfo::batch_parts(parts.adapters, parts.prompts, parts.tools).saturating_sub(bare);
		// What a batch costs in any case is lost in the noise of many channels, by which `submit_batch` is measured;
		// `batch_parts` is measured with one.
		let once = bare.saturating_sub(T::WeightInfo::submit_batch(1, LARGE_AGENTS));
		T::WeightInfo::submit_batch(charges.len().saturated_into(), agents.saturated_into())
			.saturating_add(once)
			.saturating_add(parts)
			.saturating_add(usage.saturating_sub(T::WeightInfo::batch_usage(0, 0)))
	}

	pub(crate) fn do_submit_batch(
		service_key: T::AccountId,
		header: BatchHeader,
		agents: Agents,
		charges: Charges,
	) -> DispatchResultWithPostInfo {
		let worker: T::AccountId =
			T::Workers::operator_of(service_key.as_ref()).ok_or(Error::<T>::UnknownWorker)?.into();
		let mut settlement = Settlements::<T>::get(&worker);
		ensure!(header.sequence == settlement.next_sequence, Error::<T>::WrongSequence);
		Self::ensure_sums(&header, &agents, &charges)?;
		let parts = Self::parts_of(&agents)?;
		Self::ensure_calls(&parts, &charges)?;

		let credited = Self::credit_matured(
			&worker,
			&mut settlement,
			CREDITED_WITH_SUBMISSION,
			Self::credit_allowance(agents.len()),
		)?;
		let pending = settlement.next_sequence.saturating_sub(settlement.oldest_pending);
		ensure!(pending < T::MaxPending::get().into(), Error::<T>::TooManyPending);

		let taken = Self::take_charges(&worker, header.sequence, agents.len(), &charges)?;
		let (version, parameters) = Self::current_parameters();
		let (totals, credits) = Self::divide(&worker, &agents, &parts, &taken.usage, &parameters)?;
		let data = sum(totals.iter().map(|total| total.data))?;
		let divided = sum(credits.iter().map(|(_, amount)| *amount))?.checked_add(data);
		ensure!(divided == Some(taken.escrow), ArithmeticError::Underflow);
		Self::ensure_root(&header, &settlement, data, taken.failed.is_empty())?;

		let (sequence, escrow) = (header.sequence, taken.escrow);
		let matures_at = Self::after(T::ChallengeWindow::get())?;
		let batch = Batch {
			header,
			status: BatchStatus::Pending,
			submitted_at: Self::now(),
			matures_at,
			parameters: version,
			escrow,
			agents: bounded(totals)?,
			failed: bounded(taken.failed)?,
		};
		let money = PendingBatch { credits: bounded(credits)?, data, charged: bounded(taken.charged)? };
		Batches::<T>::insert(&worker, sequence, batch);
		PendingBatches::<T>::insert(&worker, sequence, money);
		if let Some(old) = sequence.checked_sub(KEPT_BATCHES.into()) {
			Batches::<T>::remove(&worker, old);
		}
		settlement.next_sequence = sequence.checked_add(1).ok_or_else(overflow)?;
		settlement.pending = settlement.pending.checked_add(data).ok_or_else(overflow)?;
		Settlements::<T>::insert(&worker, settlement);
		Self::deposit_event(Event::BatchSubmitted { worker, sequence, escrow, data, matures_at });
		let weight = Self::batch_weight(agents.len(), PartCounts::of(&parts), &charges)
			.saturating_add(T::WeightInfo::credit(credited.batches, credited.credits));
		Ok(Some(weight).into())
	}

	/// The earnings root promises all data shares of settled and pending batches and this one's. When a
	/// channel failed it cannot: the worker built it for all of them. It is then passed over, because it
	/// will not fit what has been credited either.
	fn ensure_root(
		header: &BatchHeader,
		settlement: &Settlement,
		data: Balance,
		all_charged: bool,
	) -> DispatchResult {
		let promised = settlement.credited.checked_add(settlement.pending).ok_or_else(overflow)?;
		ensure!(header.earnings.sum >= promised, Error::<T>::EarningsFall);
		let expected = promised.checked_add(data).ok_or_else(overflow)?;
		ensure!(!all_charged || header.earnings.sum == expected, Error::<T>::EarningsMismatch);
		Ok(())
	}

	/// The batch's own numbers agree with each other.
	fn ensure_sums(header: &BatchHeader, agents: &Agents, charges: &Charges) -> DispatchResult {
		ensure!(header.records > 0, Error::<T>::EmptyBatch);
		ensure!(header.records <= MAX_RECORDS_PER_BATCH, Error::<T>::TooManyRecords);
		let listed: BTreeSet<_> = agents.iter().collect();
		ensure!(listed.len() == agents.len(), Error::<T>::DuplicateAgent);
		let (mut records, mut fees) = (0u32, 0u128);
		for usage in charges.iter().flat_map(|charge| charge.usage.iter()) {
			ensure!(usize::from(usage.agent) < agents.len(), Error::<T>::AgentOutOfRange);
			ensure!(usage.records > 0, Error::<T>::EmptyUsage);
			records = records.checked_add(usage.records).ok_or(Error::<T>::RecordCountMismatch)?;
			fees = fees.checked_add(usage.fee).ok_or(Error::<T>::SumMismatch)?;
		}
		ensure!(records == header.records, Error::<T>::RecordCountMismatch);
		ensure!(fees == header.records_root.sum, Error::<T>::SumMismatch);
		Ok(())
	}

	/// The tool calls are of the agents' own tools, and the fees pay for them.
	fn ensure_calls(parts: &[Parts], charges: &Charges) -> DispatchResult {
		for usage in charges.iter().flat_map(|charge| charge.usage.iter()) {
			let parts = parts.get(usize::from(usage.agent)).ok_or(Error::<T>::AgentOutOfRange)?;
			ensure!(usage.are_calls_valid(parts.tools.len()), Error::<T>::InvalidCalls);
			let priced = usage.calls.iter().filter_map(|used| {
				let tool = parts.tools.get(usize::from(used.tool))?;
				Some((used.calls, tool.price))
			});
			let covered = price_of_calls(priced).is_some_and(|tools| tools <= usage.fee);
			ensure!(covered, Error::<T>::CallsExceedFee);
		}
		Ok(())
	}

	fn parts_of(agents: &Agents) -> Result<Vec<Parts>, DispatchError> {
		let parts = |served: &Served| T::Agents::parts(*served).ok_or(Error::<T>::UnknownAgent.into());
		agents.iter().map(parts).collect()
	}

	/// Divides the fees of all agents: what each settled, and the vaults' credits.
	fn divide(
		worker: &T::AccountId,
		agents: &Agents,
		parts: &[Parts],
		used: &[Usage],
		parameters: &Parameters,
	) -> Result<Divided, DispatchError> {
		let (mut totals, mut credits) = (Vec::new(), Credits::default());
		for ((served, parts), usage) in agents.iter().zip(parts).zip(used) {
			let (tools, data) =
				Self::divide_fees(worker, parts, usage, parameters, &mut credits).ok_or_else(overflow)?;
			let Usage { records, fee, .. } = *usage;
			totals.push(AgentTotal { served: *served, records, fee, tools, data });
		}
		let credits = credits.into_sums();
		let most: usize = MAX_CREDITS_PER_BATCH.saturated_into();
		ensure!(credits.len() <= most, Error::<T>::TooManyCredits);
		Ok((totals, credits))
	}

	pub(crate) fn batch_view(worker: T::AccountId, sequence: u64) -> Option<BatchView> {
		let batch = Batches::<T>::get(&worker, sequence)?;
		Some(BatchView {
			worker: worker.into(),
			header: batch.header,
			status: batch.status,
			submitted_at: batch.submitted_at,
			matures_at: batch.matures_at,
			parameters: batch.parameters,
			escrow: batch.escrow,
			agents: batch.agents.into_inner(),
			failed: batch.failed.into_inner(),
		})
	}
}

fn sum(mut amounts: impl Iterator<Item = Balance>) -> Result<Balance, DispatchError> {
	amounts.try_fold(0u128, |sum, amount| sum.checked_add(amount)).ok_or_else(overflow)
}

fn bounded<V, S: Get<u32>>(list: Vec<V>) -> Result<BoundedVec<V, S>, DispatchError> {
	list.try_into().map_err(|_| DispatchError::Exhausted)
}
