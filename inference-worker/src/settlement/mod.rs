//! Settlement: records become batches on chain.
//!
//! At most one batch is on its way. It is written as an *intent* before it is sent, and closed only by what
//! the chain says afterwards. So a crash, a lost connection or a restarted node at any moment neither loses
//! a record nor bills it twice.

pub mod plan;
pub mod reconcile;

use crate::{
	metrics,
	records::{BatchState, Inclusion, Intent, RecordsError, StoredRecord},
	worker::{unix_ms, Worker},
};
use plan::{plan, Limits, Standing};
use reconcile::{fate, is_due, state, Fate};
use std::{
	collections::{btree_map::Entry, BTreeMap},
	sync::Arc,
	time::Duration,
};
use tokio::sync::watch;
use tributary_client::{
	batch::{advance, prepare, AgentTerms, BatchError, Draft},
	chain::{Call, Wait},
	ChainError, ContentError,
};
use tributary_primitives::{
	earnings::EarningsTree,
	record::UsageRecord,
	views::{AgentView, BatchView, Parameters, SettlementView},
	AccountId, BlockNumber, Earner, Served,
};

/// Time between looks at what is due.
const TICK: Duration = Duration::from_secs(1);
/// Longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Longest pause while no node answers: a look costs nothing, and records wait.
const MAX_PAUSE_AWAY: Duration = Duration::from_secs(8);
/// Batches credited by one call.
const CREDITS: u32 = 16;
/// Oldest pending batches looked at in each block: they are credited in order.
const FOLLOWED: usize = 16;
/// Unsettled records looked at for one batch: more than fit, because some may have to wait.
const LOOK_AT: usize = 2 * tributary_primitives::limits::MAX_RECORDS_PER_BATCH as usize;

/// Why settlement paused. It goes on by itself.
#[derive(Debug, thiserror::Error)]
pub enum SettlementError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The database.
	#[error(transparent)]
	Records(#[from] RecordsError),
	/// Publishing.
	#[error("batch data cannot be published: {0}")]
	Publish(#[from] ContentError),
	/// Building.
	#[error("the batch cannot be built: {0}")]
	Build(#[from] BatchError),
	/// An agent version that the chain does not know, or that lacks a skill which a record names.
	#[error("agent {}, version {} with skills {:#b} is not on chain", .0.agent.asset, .0.agent.version, .0.skills.0)]
	UnknownAgent(Served),
}

type Result<T> = std::result::Result<T, SettlementError>;

/// Settles until told to stop.
pub async fn run(worker: Arc<Worker>, mut stop: watch::Receiver<bool>) {
	let mut settler =
		Settler { worker, agents: Limits::default().agents, followed_at: None, fruitless: None };
	let mut pause = TICK;
	loop {
		tokio::select! {
			() = tokio::time::sleep(pause) => {},
			_ = stop.wait_for(|stop| *stop) => return,
		}
		match settler.step().await {
			Ok(()) => pause = TICK,
			Err(error) => {
				let away = matches!(&error, SettlementError::Chain(error) if error.is_away());
				let most = if away { MAX_PAUSE_AWAY } else { MAX_PAUSE };
				pause = pause.saturating_mul(2).min(most);
				metrics::settlement_failed();
				tracing::warn!(%error, retry_secs = pause.as_secs(), "settlement paused");
			}
		}
	}
}

struct Settler {
	worker: Arc<Worker>,
	/// Agent versions with skills per batch. Halved when the chain refuses a batch: complex agents cause many credits.
	agents: usize,
	/// Block at which pending batches were last looked at.
	followed_at: Option<BlockNumber>,
	/// Block and number of unsettled records when a plan was last empty: no use in planning again before
	/// one of them changes.
	fruitless: Option<(BlockNumber, u64)>,
}

impl Settler {
	/// One look: close or send the intent, follow pending batches, start a batch when one is due.
	async fn step(&mut self) -> Result<()> {
		if let Some(intent) = self.worker.records.intent()? {
			return self.advance_intent(&intent).await;
		}
		self.follow_pending().await?;
		if !self.is_time()? {
			return Ok(());
		}
		match self.next_batch().await? {
			Some(intent) => self.advance_intent(&intent).await,
			None => {
				self.fruitless = Some((self.worker.head.get().block, self.worker.records.totals().records));
				Ok(())
			}
		}
	}

	/// Whether enough records wait, one waits long enough or a channel cannot wait.
	fn is_time(&self) -> Result<bool> {
		let (settings, records) = (&self.worker.config.settlement, &self.worker.records);
		let (unsettled, block) = (records.totals().records, self.worker.head.get().block);
		if self.fruitless == Some((block, unsettled)) {
			return Ok(false);
		}
		if unsettled >= settings.records as u64
			|| self.worker.channels.any_urgent(block, settings.expiry_margin)
		{
			return Ok(true);
		}
		let oldest = records.unsettled(1)?.first().map(|(_, stored)| stored.record.at);
		let age_ms = settings.age_secs.saturating_mul(1_000);
		Ok(oldest.is_some_and(|at| unix_ms().saturating_sub(at) >= age_ms))
	}

	/// Plans, builds and writes the next intent. `None` when nothing can be settled now.
	async fn next_batch(&self) -> Result<Option<Intent>> {
		let worker = &self.worker;
		let unsettled = worker.records.unsettled(LOOK_AT)?;
		let standings = self.standings(&unsettled).await?;
		let block = worker.chain.block_number().await?;
		let limits = Limits { agents: self.agents, ..Limits::default() };
		let plan = plan(unsettled, &standings, block, unix_ms(), limits);
		for (number, fault) in &plan.lost {
			tracing::warn!(number, ?fault, "a record cannot be settled any more and is written off");
			worker.records.write_off(&[*number], *fault)?;
		}
		metrics::waiting(plan.waiting);
		if plan.records.is_empty() {
			return Ok(None);
		}
		// The chain divides by what is in force when the batch arrives.
		let (version, parameters) = worker.chain.parameters().await?;
		let settlement = worker.chain.settlement(worker.operator).await?;
		let settled = self.settled_tree(&settlement).await?;
		let terms = self.terms(plan.records.iter().map(|(_, stored)| stored.record.served())).await?;
		let vouchers = standings.iter().map(|(payer, standing)| (*payer, standing.voucher)).collect();
		let (numbers, records): (Vec<u64>, Vec<UsageRecord>) =
			plan.records.into_iter().map(|(number, stored)| (number, stored.record)).unzip();
		let prepared = prepare(Draft {
			genesis: worker.genesis,
			worker: worker.operator,
			sequence: settlement.next_sequence,
			parameters_version: version,
			parameters,
			terms: &terms,
			records,
			vouchers: &vouchers,
			settled: &settled,
		})?;
		let intent = Intent {
			header: prepared.header,
			agents: prepared.agents,
			charges: prepared.charges,
			records: numbers,
		};
		worker.channels.next_epoch();
		worker.records.set_intent(&intent, &prepared.bytes)?;
		Ok(Some(intent))
	}

	/// Chain's view and best voucher of each payer with unsettled records.
	async fn standings(&self, unsettled: &[(u64, StoredRecord)]) -> Result<BTreeMap<AccountId, Standing>> {
		let mut standings = BTreeMap::new();
		for (_, stored) in unsettled {
			let payer = stored.record.order.order.payer;
			if standings.contains_key(&payer) {
				continue;
			}
			let view = self.worker.chain.channel(payer, self.worker.operator).await?;
			if let Some(row) = self.worker.records.channel(&payer)? {
				standings.insert(payer, Standing { view, voucher: row.voucher });
			}
		}
		Ok(standings)
	}

	/// The parameters that a batch on chain was split by.
	async fn parameters_of(&self, batch: &BatchView) -> Result<Parameters> {
		match self.worker.chain.parameters_of(batch.parameters).await? {
			Some(parameters) => Ok(parameters),
			None => Ok(self.worker.chain.parameters().await?.1),
		}
	}

	async fn terms(&self, agents: impl Iterator<Item = Served>) -> Result<Vec<AgentTerms>> {
		let (mut terms, mut views): (Vec<AgentTerms>, BTreeMap<_, AgentView>) = Default::default();
		for served in agents {
			if terms.iter().any(|known| known.served == served) {
				continue;
			}
			let (agent, unknown) = (served.agent, || SettlementError::UnknownAgent(served));
			let view = match views.entry(agent) {
				Entry::Occupied(known) => known.into_mut(),
				Entry::Vacant(vacant) => {
					let view = self.worker.chain.agent(agent.asset, Some(agent.version)).await?;
					vacant.insert(view.ok_or_else(unknown)?)
				}
			};
			terms.push(AgentTerms::of(view, served.skills).ok_or_else(unknown)?);
		}
		Ok(terms)
	}

	/// The tree over all batches that are credited or pending. When our books do not sum up to what the chain
	/// counts, for example because the data folder was lost, it is recomputed from the published data.
	async fn settled_tree(&self, settlement: &SettlementView) -> Result<EarningsTree> {
		let worker = &self.worker;
		let expected = settlement.credited.saturating_add(settlement.pending);
		let sum = |tree: &EarningsTree| tree.root(&worker.operator).map(|root| root.sum);
		let tree = worker.records.earnings()?;
		if sum(&tree) == Some(expected) {
			return Ok(tree);
		}
		// A batch in the middle may have been voided.
		self.conclude_pending(usize::MAX, worker.head.get().block).await?;
		let tree = worker.records.earnings()?;
		if sum(&tree) == Some(expected) {
			return Ok(tree);
		}
		tracing::warn!(expected, found = ?sum(&tree), "earnings differ from the chain's: reading the last batch");
		match self.published_tree(settlement).await? {
			Some(restored) if sum(&restored) == Some(expected) => {
				worker.records.restore_earnings(&restored)?;
				Ok(restored)
			}
			_ => {
				tracing::error!(
					"the earnings tree cannot be restored, so the chain will refuse batches: bring back the data \
					 folder, or the batch data in the content store"
				);
				Ok(tree)
			}
		}
	}

	/// The tree after the last batch on chain, from its published data.
	async fn published_tree(&self, settlement: &SettlementView) -> Result<Option<EarningsTree>> {
		let worker = &self.worker;
		let Some(last) = settlement.next_sequence.checked_sub(1) else {
			return Ok(Some(EarningsTree::default()));
		};
		let Some(batch) = worker.chain.batch(worker.operator, last).await? else { return Ok(None) };
		let Ok(bytes) =
			worker.store.get_within(&batch.header.data, tributary_client::batch::MAX_BATCH_BYTES).await
		else {
			return Ok(None);
		};
		let Ok(data) = <tributary_primitives::batch::BatchData as codec::DecodeAll>::decode_all(&mut &*bytes)
		else {
			return Ok(None);
		};
		let Some(before) = EarningsTree::from_leaves(&data.settled) else { return Ok(None) };
		if batch.status == tributary_primitives::batch::BatchStatus::Voided {
			return Ok(Some(before));
		}
		let terms = self.terms(data.agents.iter().copied()).await?;
		let parameters = self.parameters_of(&batch).await?;
		Ok(Some(after(&before, &data.records, &batch, &terms, &parameters)?))
	}

	/// Brings an intent one step further: closes it when the chain has its batch, sends it when not.
	async fn advance_intent(&mut self, intent: &Intent) -> Result<()> {
		if self.close(intent).await? {
			return Ok(());
		}
		let sent = self.send(intent).await;
		// Even a failed call says little: an earlier copy of the same batch may have arrived meanwhile.
		if self.close(intent).await? {
			return Ok(());
		}
		if let Err(SettlementError::Chain(ChainError::Call(error))) = &sent {
			tracing::error!(sequence = intent.header.sequence, %error, "the chain refused the batch: planning anew");
			self.agents = (self.agents / 2).max(1);
			self.worker.records.drop_intent()?;
			self.worker.channels.next_epoch();
		}
		sent
	}

	/// Closes the intent if the chain knows what became of it. Says whether it is gone.
	async fn close(&mut self, intent: &Intent) -> Result<bool> {
		let worker = self.worker.clone();
		let sequence = intent.header.sequence;
		let settlement = worker.chain.settlement(worker.operator).await?;
		let batch = worker.chain.batch(worker.operator, sequence).await?;
		let fate = fate(intent, &settlement, batch.as_ref());
		if fate == Fate::NotYet {
			return Ok(false);
		}
		// Channels read before now may not know of the batch.
		worker.channels.next_epoch();
		match fate {
			Fate::NotYet => {}
			Fate::Included(batch) => {
				let shares = self.shares(intent, batch).await?;
				let inclusion = Inclusion {
					failed: batch.failed.clone(),
					shares,
					escrow: batch.escrow,
					state: state(batch),
				};
				for (payer, fault) in &batch.failed {
					let payer = tributary_client::keys::address(payer);
					tracing::warn!(
						sequence,
						payer,
						?fault,
						"a channel was skipped: its records are not paid"
					);
				}
				worker.records.settle(intent, &inclusion)?;
				metrics::batch_settled(intent, &inclusion);
				tracing::info!(
					sequence,
					records = intent.header.records,
					escrow = batch.escrow,
					"batch is on chain"
				);
				self.agents = Limits::default().agents;
			}
			Fate::Forgotten => {
				let inclusion =
					Inclusion { failed: vec![], shares: vec![], escrow: 0, state: BatchState::Credited };
				worker.records.settle(intent, &inclusion)?;
				tracing::warn!(
					sequence,
					"the chain keeps no details of the batch: its records count as settled"
				);
			}
			Fate::Displaced => {
				tracing::error!(
					sequence,
					"another batch has this number: is the service key used by a second worker?"
				);
				worker.records.drop_intent()?;
			}
		}
		for charge in &intent.charges {
			worker.channels.sync(&charge.payer)?;
		}
		Ok(true)
	}

	/// Data shares of a batch as the chain settled it.
	async fn shares(&self, intent: &Intent, batch: &BatchView) -> Result<Vec<(Earner, u128)>> {
		let records = self.worker.records.numbered(&intent.records)?;
		let records: Vec<UsageRecord> = records.into_iter().map(|stored| stored.record).collect();
		let terms = self.terms(intent.agents.iter().copied()).await?;
		let parameters = self.parameters_of(batch).await?;
		let added = after(&EarningsTree::default(), &records, batch, &terms, &parameters)?;
		Ok(added.leaves().into_iter().map(|leaf| (leaf.earner, leaf.cumulative)).collect())
	}

	/// Publishes the data of an intent and submits it.
	async fn send(&self, intent: &Intent) -> Result<()> {
		let worker = &self.worker;
		let sequence = intent.header.sequence;
		let data = worker.records.data(sequence)?.ok_or(RecordsError::Damaged("batch data"))?;
		worker.store.put_bytes(data).await?;
		let call = Call::submit_batch(intent.header, &intent.agents, &intent.charges);
		worker.chain.submit(&call, &worker.service_key, Wait::InBlock).await?;
		Ok(())
	}

	/// Follows pending batches once per block, and credits the oldest when its window has passed.
	async fn follow_pending(&mut self) -> Result<()> {
		let block = self.worker.chain.block_number().await?;
		if self.followed_at == Some(block) {
			return Ok(());
		}
		if self.conclude_pending(FOLLOWED, block).await? {
			let call = Call::credit(self.worker.operator, CREDITS);
			self.worker.chain.submit(&call, &self.worker.service_key, Wait::InBlock).await?;
			tracing::info!("credited the batches whose window has passed");
			return Ok(());
		}
		self.followed_at = Some(block);
		Ok(())
	}

	/// Notes what the chain decided about the `oldest` pending batches and the newest: it is the one that a
	/// reorganisation removes. Says whether the oldest may be credited.
	async fn conclude_pending(&self, oldest: usize, block: BlockNumber) -> Result<bool> {
		let worker = &self.worker;
		let pending = worker.records.pending()?;
		let newest = pending.last().map(|row| row.intent.header.sequence);
		let mut due = false;
		for (position, row) in pending.iter().enumerate() {
			let sequence = row.intent.header.sequence;
			if position >= oldest && Some(sequence) != newest {
				continue;
			}
			match worker.chain.batch(worker.operator, sequence).await? {
				Some(batch) => {
					worker.records.conclude(sequence, state(&batch))?;
					due |= position == 0 && is_due(&batch, block);
				}
				None => self.bring_back(&row.intent).await?,
			}
		}
		Ok(due)
	}

	/// A batch that was in a block and is not any more: the block was reorganised away. It is sent again
	/// unchanged, unless the chain is past it and only forgot the details.
	async fn bring_back(&self, intent: &Intent) -> Result<()> {
		let sequence = intent.header.sequence;
		let settlement = self.worker.chain.settlement(self.worker.operator).await?;
		if settlement.next_sequence > sequence {
			self.worker.records.conclude(sequence, BatchState::Credited)?;
			return Ok(());
		}
		tracing::warn!(sequence, "a batch was reorganised away: sending it again");
		self.send(intent).await
	}
}

/// The tree after a batch, as the chain settled it.
fn after(
	before: &EarningsTree,
	records: &[UsageRecord],
	batch: &BatchView,
	terms: &[AgentTerms],
	parameters: &Parameters,
) -> Result<EarningsTree> {
	let failed: Vec<AccountId> = batch.failed.iter().map(|(payer, _)| *payer).collect();
	Ok(advance(before, records, &failed, &batch.agents, terms, parameters.platform_fee)?)
}
