//! Settlement: records become batches on chain.
//!
//! At most one batch is on its way. It is written as an *intent* before it is sent, and closed only by what
//! the chain says afterwards. So a crash, a lost connection or a restarted node at any moment neither loses
//! a record nor bills it twice.
//!
//! A batch in a block is followed until the block is final. Blocks that are not may be reorganised away: a batch that is
//! missing then is sent again unchanged, under its number, which the chain takes once. What cannot be taken back, giving
//! up a batch or a record, is decided by final blocks only; what is read together is read at one block.

pub mod plan;
pub mod reconcile;

use crate::{
	metrics,
	records::{BatchRow, BatchState, Inclusion, Intent, RecordsError, StoredRecord},
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
	batch::BatchHeader,
	earnings::EarningsTree,
	record::UsageRecord,
	views::{AgentView, BatchView, Parameters, SettlementView},
	AccountId, BlockNumber, Earner, Hash, Served,
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
	let mut settler = Settler {
		worker,
		agents: Limits::default().agents,
		followed_at: None,
		refused: None,
		fruitless: None,
	};
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

/// What to do with the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
	/// The chain has not got it.
	Send,
	/// Blocks that are not final decide about it.
	Wait,
	/// It is closed.
	Nothing,
}

/// What a look at pending batches came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
	/// Nothing to do.
	Quiet,
	/// The oldest may be credited.
	Due,
	/// Batches were sent again or taken back: look again.
	Changed,
}

/// Blocks that a look is at.
#[derive(Clone, Copy)]
struct Blocks {
	best: Hash,
	number: BlockNumber,
	last_final: Hash,
}

struct Settler {
	worker: Arc<Worker>,
	/// Agent versions with skills per batch. Halved when the chain refuses a batch: complex agents cause many credits.
	agents: usize,
	/// Best and final block at which pending batches were last looked at.
	followed_at: Option<[Hash; 2]>,
	/// A batch that the chain refused, and the height by which that is final.
	refused: Option<(u64, BlockNumber)>,
	/// Block and number of unsettled records when a plan was last empty: no use in planning again before
	/// one of them changes.
	fruitless: Option<(BlockNumber, u64)>,
}

impl Settler {
	/// One look: follow pending batches, close or send the intent, start a batch when one is due.
	async fn step(&mut self) -> Result<()> {
		if self.follow_pending().await? == Followed::Changed {
			return Ok(());
		}
		if let Some(intent) = self.worker.records.intent()? {
			return self.advance_intent(&intent).await;
		}
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
	async fn next_batch(&mut self) -> Result<Option<Intent>> {
		let worker = self.worker.clone();
		let unsettled = worker.records.unsettled(LOOK_AT)?;
		let standings = self.standings(&unsettled).await?;
		let block = worker.chain.block_number().await?;
		let limits = Limits { agents: self.agents, ..Limits::default() };
		let plan = plan(unsettled, &standings, block, unix_ms(), limits);
		for (number, fault) in &plan.lost {
			if self.is_open_for_good(*number).await? {
				continue;
			}
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
		let newest = worker.records.pending()?.last().map(|row| row.intent.header.sequence);
		if newest.is_some_and(|newest| settlement.next_sequence <= newest) {
			tracing::debug!("the newest batch is not in this chain of blocks: it comes first");
			return Ok(None);
		}
		let Some(settled) = self.settled_tree(&settlement).await? else { return Ok(None) };
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

	/// Whether a record's channel is there, and not expired, as far as final blocks say; then nobody gives it up.
	async fn is_open_for_good(&self, number: u64) -> Result<bool> {
		let worker = &self.worker;
		let last_final = worker.chain.finalized_hash().await?;
		let Some(stored) = worker.records.numbered(&[number])?.pop() else { return Ok(false) };
		let order = &stored.record.order.order;
		let Some(row) = worker.records.channel(&order.payer)? else { return Ok(false) };
		let view = worker.chain.channel_at(order.payer, worker.operator, last_final).await?;
		let standing = Standing { view, voucher: row.voucher };
		let block = worker.chain.number_of(&last_final).await?;
		Ok(plan::refused(&standing, order.channel, 0, stored.record.fee, block).is_none())
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
	/// counts, for example because the data folder was lost, it is recomputed from the published data. `None` when
	/// final blocks have to tell first.
	async fn settled_tree(&mut self, settlement: &SettlementView) -> Result<Option<EarningsTree>> {
		let worker = self.worker.clone();
		let expected = settlement.credited.saturating_add(settlement.pending);
		let sum = |tree: &EarningsTree| tree.root(&worker.operator).map(|root| root.sum);
		let tree = worker.records.earnings()?;
		if sum(&tree) == Some(expected) {
			return Ok(Some(tree));
		}
		// A batch in the middle may have been voided.
		let blocks = self.blocks().await?;
		if self.conclude_pending(usize::MAX, blocks).await? == Followed::Changed {
			return Ok(None);
		}
		let tree = worker.records.earnings()?;
		if sum(&tree) == Some(expected) {
			return Ok(Some(tree));
		}
		// What the best chain counts otherwise, a batch or a voided one, may be gone again: our books follow final blocks.
		let last = worker.chain.settlement_at(worker.operator, blocks.last_final).await?;
		if worker.records.awaits_finality()? || last.credited.saturating_add(last.pending) != expected {
			tracing::debug!("earnings differ from the chain's: waiting until the last batch is final");
			return Ok(None);
		}
		tracing::warn!(expected, found = ?sum(&tree), "earnings differ from the chain's: reading the last batch");
		match self.published_tree(settlement).await? {
			Some(restored) if sum(&restored) == Some(expected) => {
				worker.records.restore_earnings(&restored)?;
				Ok(Some(restored))
			}
			_ => {
				tracing::error!(
					"the earnings tree cannot be restored, so the chain will refuse batches: bring back the data \
					 folder, or the batch data in the content store"
				);
				Ok(Some(tree))
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
		if self.close(intent).await? != Next::Send {
			return Ok(());
		}
		let sequence = intent.header.sequence;
		match self.refusal(sequence).await? {
			Next::Wait => return Ok(()),
			Next::Nothing => return self.plan_anew(sequence),
			Next::Send => {}
		}
		let sent = self.send(intent).await;
		// Even a failed call says little: an earlier copy of the same batch may have arrived meanwhile.
		if self.close(intent).await? == Next::Send {
			self.note_refusal(sequence, &sent).await?;
		}
		sent
	}

	/// Notes that the chain refused a batch.
	async fn note_refusal(&mut self, sequence: u64, sent: &Result<()>) -> Result<()> {
		if let Err(SettlementError::Chain(ChainError::Call(error))) = sent {
			tracing::error!(sequence, %error, "the chain refused the batch");
			self.refused = Some((sequence, self.worker.chain.block_number().await?));
		}
		Ok(())
	}

	/// What to do with a batch that may have been refused: `Nothing` when that is final. Until then a reorganisation may
	/// bring it where it is taken.
	async fn refusal(&mut self, sequence: u64) -> Result<Next> {
		let Some((_, by)) = self.refused.filter(|(refused, _)| *refused == sequence) else {
			return Ok(Next::Send);
		};
		let worker = self.worker.clone();
		let last_final = worker.chain.finalized_hash().await?;
		if worker.chain.number_of(&last_final).await? < by {
			return Ok(Next::Wait);
		}
		self.refused = None;
		let settlement = worker.chain.settlement_at(worker.operator, last_final).await?;
		Ok(if settlement.next_sequence <= sequence { Next::Nothing } else { Next::Wait })
	}

	/// Takes a batch, and those after it, back to plan their records anew.
	fn plan_anew(&mut self, from: u64) -> Result<()> {
		tracing::warn!(sequence = from, "the batch cannot go to the chain as it is: planning anew");
		self.agents = (self.agents / 2).max(1);
		self.give_up(from)
	}

	/// Gives up the intent and pending batches from a number on. All of them are remembered.
	fn give_up(&self, from: u64) -> Result<()> {
		self.worker.records.drop_intent()?;
		self.reopen(from)
	}

	fn reopen(&self, from: u64) -> Result<()> {
		let reopened = self.worker.records.reopen(from)?;
		self.worker.channels.next_epoch();
		reopened.iter().try_for_each(|intent| self.sync(intent))
	}

	/// The settlement and a batch at one block.
	async fn at(&self, sequence: u64, block: Hash) -> Result<(SettlementView, Option<BatchView>)> {
		let (chain, operator) = (&self.worker.chain, self.worker.operator);
		Ok((chain.settlement_at(operator, block).await?, chain.batch_at(operator, sequence, block).await?))
	}

	/// Closes the intent if the chain knows what became of it.
	async fn close(&mut self, intent: &Intent) -> Result<Next> {
		let best = self.worker.chain.best_hash().await?;
		let (settlement, batch) = self.at(intent.header.sequence, best).await?;
		match fate(intent, &settlement, batch.as_ref()) {
			Fate::NotYet => Ok(Next::Send),
			Fate::Included(batch) => self.settle(intent, batch).await,
			Fate::Early | Fate::Forgotten | Fate::Displaced => self.close_for_good(intent).await,
		}
	}

	async fn settle(&mut self, intent: &Intent, batch: &BatchView) -> Result<Next> {
		let worker = self.worker.clone();
		let sequence = intent.header.sequence;
		let inclusion = self.inclusion(intent, batch, BatchState::Included).await?;
		// Channels read before now may not know of the batch.
		worker.channels.next_epoch();
		for (payer, fault) in &batch.failed {
			let payer = tributary_client::keys::address(payer);
			tracing::warn!(sequence, payer, ?fault, "a channel was skipped: its records are not paid");
		}
		worker.records.settle(intent, &inclusion)?;
		metrics::batch_settled(intent, &inclusion);
		tracing::info!(sequence, records = intent.header.records, escrow = batch.escrow, "batch is on chain");
		self.agents = Limits::default().agents;
		self.refused = None;
		self.sync(intent)?;
		Ok(Next::Nothing)
	}

	/// Closes an intent that has no place in the best chain, if final blocks agree.
	async fn close_for_good(&mut self, intent: &Intent) -> Result<Next> {
		let worker = self.worker.clone();
		let sequence = intent.header.sequence;
		let last_final = worker.chain.finalized_hash().await?;
		let (settlement, batch) = self.at(sequence, last_final).await?;
		match fate(intent, &settlement, batch.as_ref()) {
			Fate::NotYet | Fate::Included(_) => return Ok(Next::Wait),
			// Our own batches before it are sent again first.
			Fate::Early if worker.records.batch(settlement.next_sequence)?.is_some() => {
				return Ok(Next::Wait)
			}
			Fate::Early => {
				tracing::error!(
					sequence,
					next = settlement.next_sequence,
					"the chain is behind these records: planning anew. Was its database lost?"
				);
				self.give_up(sequence)?;
			}
			Fate::Forgotten => {
				let inclusion =
					Inclusion { failed: vec![], shares: vec![], escrow: 0, state: BatchState::Credited };
				worker.channels.next_epoch();
				worker.records.settle(intent, &inclusion)?;
				tracing::warn!(
					sequence,
					"the chain keeps no details of the batch: its records count as settled"
				);
				self.sync(intent)?;
			}
			Fate::Displaced => {
				if let Some(batch) = &batch {
					self.displace(&batch.header).await?;
				}
			}
		}
		Ok(Next::Nothing)
	}

	/// Another batch is final under a number of ours: one that we gave up and that arrived after all, or a stranger's.
	async fn displace(&mut self, header: &BatchHeader) -> Result<()> {
		let worker = self.worker.clone();
		let sequence = header.sequence;
		let Some(intent) = worker.records.retired(header)? else {
			tracing::error!(
				sequence,
				"another batch has this number: is the service key used by a second worker?"
			);
			return self.give_up(sequence);
		};
		tracing::warn!(sequence, "an earlier batch of this number arrived: taking it as it is");
		metrics::reorganised();
		let most = tributary_client::batch::MAX_BATCH_BYTES;
		let data = worker.store.get_within(&header.data, most).await?;
		// Before its records are unsettled again, so that a crash between leaves them to no other batch.
		worker.records.set_intent(&intent, &data)?;
		self.reopen(sequence)
	}

	fn sync(&self, intent: &Intent) -> Result<()> {
		for charge in &intent.charges {
			self.worker.channels.sync(&charge.payer)?;
		}
		Ok(())
	}

	/// What a batch came to in a block.
	async fn inclusion(&self, intent: &Intent, batch: &BatchView, state: BatchState) -> Result<Inclusion> {
		let shares = self.shares(intent, batch).await?;
		Ok(Inclusion { failed: batch.failed.clone(), shares, escrow: batch.escrow, state })
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

	async fn blocks(&self) -> Result<Blocks> {
		let chain = &self.worker.chain;
		let best = chain.best_hash().await?;
		let (number, last_final) = (chain.number_of(&best).await?, chain.finalized_hash().await?);
		Ok(Blocks { best, number, last_final })
	}

	/// Follows pending batches once per block, and credits the oldest when its window has passed.
	async fn follow_pending(&mut self) -> Result<Followed> {
		let blocks = self.blocks().await?;
		let seen = Some([blocks.best, blocks.last_final]);
		if self.followed_at == seen {
			return Ok(Followed::Quiet);
		}
		let followed = self.conclude_pending(FOLLOWED, blocks).await?;
		match followed {
			Followed::Quiet => self.followed_at = seen,
			Followed::Changed => {}
			Followed::Due => {
				let call = Call::credit(self.worker.operator, CREDITS);
				self.worker.chain.submit(&call, &self.worker.service_key, Wait::InBlock).await?;
				tracing::info!("credited the batches whose window has passed");
			}
		}
		Ok(followed)
	}

	/// Notes what final blocks decided about the `oldest` pending batches and those that were in no final block yet, and
	/// sends the first again that the best chain does not have any more.
	async fn conclude_pending(&mut self, oldest: usize, blocks: Blocks) -> Result<Followed> {
		let worker = self.worker.clone();
		let mut due = false;
		for (position, row) in worker.records.pending()?.iter().enumerate() {
			let sequence = row.intent.header.sequence;
			if position >= oldest && row.state != BatchState::Included {
				continue;
			}
			let (settlement, batch) = self.at(sequence, blocks.last_final).await?;
			match fate(&row.intent, &settlement, batch.as_ref()) {
				Fate::Included(batch) => {
					self.confirm(row, batch).await?;
					if row.state == BatchState::Included {
						self.fruitless = None;
					}
				}
				Fate::Forgotten => worker.records.conclude(sequence, BatchState::Credited)?,
				Fate::Displaced => {
					if let Some(batch) = &batch {
						self.displace(&batch.header).await?;
					}
					return Ok(Followed::Changed);
				}
				Fate::NotYet | Fate::Early => {
					let (settlement, batch) = self.at(sequence, blocks.best).await?;
					if fate(&row.intent, &settlement, batch.as_ref()) == Fate::NotYet {
						return self.bring_back(&row.intent).await;
					}
				}
			}
			if position == 0 {
				let batch = worker.chain.batch_at(worker.operator, sequence, blocks.best).await?;
				due = batch.is_some_and(|batch| is_due(&batch, blocks.number));
			}
		}
		Ok(if due { Followed::Due } else { Followed::Quiet })
	}

	/// Notes what a final block says about a batch.
	async fn confirm(&self, row: &BatchRow, batch: &BatchView) -> Result<()> {
		let (worker, sequence) = (&self.worker, row.intent.header.sequence);
		if row.state == BatchState::Included {
			let inclusion =
				self.inclusion(&row.intent, batch, BatchState::Pending { matures_at: batch.matures_at });
			let inclusion = inclusion.await?;
			if (&inclusion.shares, inclusion.escrow) != (&row.shares, row.escrow) {
				tracing::warn!(sequence, "the final block settled the batch otherwise than an earlier one");
				worker.records.revise(sequence, &inclusion)?;
				worker.channels.next_epoch();
				self.sync(&row.intent)?;
			}
		}
		worker.records.conclude(sequence, state(batch))?;
		Ok(())
	}

	/// A batch that was in a block and is not any more: the block was reorganised away. It is sent again, unchanged.
	async fn bring_back(&mut self, intent: &Intent) -> Result<Followed> {
		let sequence = intent.header.sequence;
		match self.refusal(sequence).await? {
			Next::Wait => return Ok(Followed::Changed),
			Next::Nothing => {
				self.plan_anew(sequence)?;
				return Ok(Followed::Changed);
			}
			Next::Send => {}
		}
		tracing::warn!(sequence, "a batch was reorganised away: sending it again");
		metrics::reorganised();
		let sent = self.send(intent).await;
		self.note_refusal(sequence, &sent).await?;
		sent.map(|()| Followed::Changed)
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
