// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! One scenario for each call of this project's pallets: as many senders as asked for, each with what its call
//! needs, lists at their longest.

mod assets;
mod data;
mod senders;
mod validators;
mod work;

use super::chain::Transaction;
use assets::{adapters, agents, prompts, registry, tools};
use data::{datanets, grants};
use work::{attribution, delays, workers};

/// A call, and how to set up a number of transactions with it.
pub struct Scenario {
	/// Pallet and call, for example `workers.register`. The pallet is named as in the runtime, in lower case.
	pub name: &'static str,
	/// Sets the state up for that many senders; what they send. Fewer where the chain has no room for so many.
	pub prepare: fn(u32) -> Vec<Transaction>,
}

macro_rules! scenarios {
	($($pallet:ident { $($call:ident),* $(,)? })*) => {
		/// Every call of this project's pallets.
		pub fn all() -> Vec<Scenario> {
			vec![$($(Scenario {
				name: concat!(stringify!($pallet), ".", stringify!($call)),
				prepare: $pallet::$call,
			},)*)*]
		}
	};
}

scenarios! {
	registry { set_price, transfer, set_holders, retire, attach, detach }
	datanets { create, set_curators, contribute, review, snapshot, tombstone, withdraw }
	grants {
		announce, withdraw_recipient, set_recipient, offer, request, withdraw_request, refuse, grant, revoke, renounce,
	}
	adapters { register_base, register_adapter, add_version, set_evaluators, report, withdraw_report }
	prompts { create, fork, add_version }
	tools { register_tool, add_version }
	agents { compose, recompose }
	workers { register, update, add_bond, unbond, withdraw }
	attribution {
		open_channel, top_up, set_session_key, close_channel, withdraw_channel, submit_batch, credit, challenge,
		resolve, claim, claim_earnings, sweep_pool, set_parameters,
	}
	delays { set }
	validators {
		bond, nominate, unbond, withdraw_unbonded, set_commission, chill, resume, claim, claim_for, apply_slash,
		report_equivocation, report_equivocation_unsigned, set_timing, dismiss,
	}
}
