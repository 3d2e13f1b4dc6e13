// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Finds authors that made two blocks for one slot, and reports them to the chain.
//!
//! Every imported block is looked at, those of forks too. The chain checks a report again; where its runtime
//! takes none, as that of the first release, they are only logged.

use crate::service::FullClient;
use futures::StreamExt;
use polkadot_sdk::*;
use sc_client_api::{BlockImportNotification, BlockchainEvents};
use sc_consensus_slots::check_equivocation;
use sc_telemetry::log;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_api::{ApiExt, ProvideRuntimeApi};
use sp_consensus_aura::{
	digests::CompatibleDigestItem,
	sr25519::{AuthorityId, AuthoritySignature},
	AuraApi, Slot,
};
use sp_runtime::traits::Header as _;
use std::{collections::VecDeque, sync::Arc};
use substrate_prometheus_endpoint::{register, Counter, PrometheusError, Registry, U64};
use tributary_runtime::{opaque::Block, Hash, Header};
use tributary_runtime_api::{AuraEquivocation, AuraReportsApi};

const LOG: &str = "equivocations";

/// Most reports that wait to be taken. The chain punishes an author once for a session, so more are of no use.
const WAITING: usize = 32;
/// How many slots a report waits at most.
const PATIENCE: u64 = 1_000;

/// An equivocation, and proofs of whose key it was: in the session of the second block or, when that one began a
/// session, in the session before.
struct Report {
	equivocation: AuraEquivocation<Header>,
	proofs: Vec<Vec<u8>>,
}

impl Report {
	fn is_of(&self, other: &AuraEquivocation<Header>) -> bool {
		self.equivocation.offender == other.offender && self.equivocation.slot == other.slot
	}
}

/// Counts what was found, for the alert `ValidatorEquivocated`.
pub fn counter(registry: &Registry) -> Result<Counter<U64>, PrometheusError> {
	let help = "Authors seen that made two blocks for one slot";
	register(Counter::new("aura_equivocations_total", help)?, registry)
}

/// Looks at imported blocks until the node stops.
pub async fn watch(
	client: Arc<FullClient>,
	pool: OffchainTransactionPoolFactory<Block>,
	found: Option<Counter<U64>>,
) {
	let mut blocks = client.every_import_notification_stream();
	let mut waiting = VecDeque::new();
	while let Some(block) = blocks.next().await {
		match find(&client, &block) {
			Ok(Some(report)) => {
				let slot = *report.equivocation.slot;
				if let Some(found) = &found {
					found.inc();
				}
				log::warn!(target: LOG, "an author made two blocks for slot {slot}; the second is {:?}", block.hash);
				// More blocks for the slot prove nothing more.
				if !waiting.iter().any(|other: &Report| other.is_of(&report.equivocation)) {
					if waiting.len() == WAITING {
						waiting.pop_front();
					}
					waiting.push_back(report);
				}
			}
			Ok(None) => {}
			Err(error) => log::debug!(target: LOG, "could not check block {:?}: {error}", block.hash),
		}
		if block.is_new_best {
			let now = slot_of(&block.header).map(u64::from).unwrap_or_default();
			waiting.retain(|report: &Report| {
				now.saturating_sub(*report.equivocation.slot) <= PATIENCE
					&& !submit(&client, &pool, block.hash, report)
			});
		}
	}
}

fn slot_of(header: &Header) -> Option<Slot> {
	let logs = header.digest().logs();
	logs.iter().find_map(CompatibleDigestItem::<AuthoritySignature>::as_aura_pre_digest)
}

fn is_sealed(header: &Header) -> bool {
	let seal =
		header.digest().logs().last().and_then(CompatibleDigestItem::<AuthoritySignature>::as_aura_seal);
	seal.is_some()
}

/// The report when another block of the slot and author is known. The block's seal has been verified.
fn find(
	client: &FullClient,
	block: &BlockImportNotification<Block>,
) -> Result<Option<Report>, sp_blockchain::Error> {
	let header = &block.header;
	let (Some(slot), parent) = (slot_of(header), *header.parent_hash()) else { return Ok(None) };
	let api = client.runtime_api();
	let authorities: Vec<AuthorityId> = api.authorities(parent)?;
	let Some(place) = u64::from(slot).checked_rem(authorities.len() as u64) else { return Ok(None) };
	let author = &authorities[place as usize];
	let now = Slot::from_timestamp(sp_timestamp::Timestamp::current(), api.slot_duration(parent)?);
	let found = check_equivocation(client, now, slot, header, author)?;
	// The store may have headers without seals, of a node before this one.
	let proven =
		|found: &AuraEquivocation<Header>| is_sealed(&found.first_header) && is_sealed(&found.second_header);
	// Now, because these states may be pruned before the report is taken. The proof outlives them.
	let proofs = |equivocation: AuraEquivocation<Header>| {
		let key = || equivocation.offender.clone();
		let prove = |state| client.runtime_api().prove_key_owner(state, key()).ok().flatten();
		let proofs = [block.hash, parent].into_iter().filter_map(prove).collect();
		Report { equivocation, proofs }
	};
	Ok(found.filter(proven).map(proofs))
}

/// Hands a report to the transaction pool; says whether it need not be tried again.
fn submit(
	client: &FullClient,
	pool: &OffchainTransactionPoolFactory<Block>,
	best: Hash,
	report: &Report,
) -> bool {
	let Report { equivocation, proofs } = report;
	match client.runtime_api().has_api::<dyn AuraReportsApi<Block>>(best) {
		Ok(true) => {}
		Ok(false) => return true,
		Err(error) => {
			log::debug!(target: LOG, "could not ask the runtime: {error}");
			return false;
		}
	}
	proofs.iter().any(|key_owner| {
		let mut api = client.runtime_api();
		api.register_extension(pool.offchain_transaction_pool(best));
		let taken = matches!(api.submit_report(best, equivocation.clone(), key_owner.clone()), Ok(Some(())));
		if taken {
			log::info!(target: LOG, "reported the author of two blocks for slot {}", *equivocation.slot);
		}
		taken
	})
}
