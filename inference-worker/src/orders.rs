//! Whether a request is paid for: checks of the signed order and voucher before any work is done.
//!
//! Pure: [`check`] looks at a channel's state and the two signed messages, nothing else.

use tributary_client::voucher::{verify_order, verify_voucher};
use tributary_primitives::{
	request::SignedOrder, voucher::SignedVoucher, AccountId, Balance, BlockNumber, Hash,
};

/// A channel as the worker sees it: the chain's state and what the worker has taken since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelState {
	/// Its nonce on chain.
	pub nonce: u64,
	/// Charged and held on chain together, planck: most that it can ever pay without a top-up.
	pub limit: Balance,
	/// Key that may sign instead of the payer.
	pub session_key: Option<[u8; 32]>,
	/// When a requested closing takes effect.
	pub closes_at: Option<BlockNumber>,
	/// Charged on chain, planck.
	pub settled: Balance,
	/// Recorded and not yet settled, planck.
	pub unsettled: Balance,
	/// Most that running requests may cost, planck.
	pub reserved: Balance,
	/// Nonce of the last order taken; 0 for none.
	pub last_nonce: u64,
	/// Cumulative amount of the last voucher taken, planck.
	pub last_cumulative: Balance,
	/// Last block of the voucher that records will be settled with; 0 for none.
	pub expires_at: BlockNumber,
}

impl ChannelState {
	/// Charged over the channel's life: settled, recorded and reserved, planck.
	pub fn charged(&self) -> Balance {
		self.settled.saturating_add(self.unsettled).saturating_add(self.reserved)
	}

	/// Whether its records should be settled at once: the channel closes, or the voucher for them expires
	/// within `margin` blocks.
	pub fn is_urgent(&self, block: BlockNumber, margin: BlockNumber) -> bool {
		let expires = (block..=block.saturating_add(margin)).contains(&self.expires_at);
		self.unsettled > 0 && (expires || self.closes_at.is_some())
	}
}

/// What orders and vouchers are checked against besides the channel.
#[derive(Clone, Copy, Debug)]
pub struct Here {
	/// The chain.
	pub genesis: Hash,
	/// This worker's operator.
	pub worker: AccountId,
	/// Best block.
	pub block: BlockNumber,
	/// Blocks a voucher must outlive it by.
	pub expiry_margin: BlockNumber,
}

/// Why a request is not taken. Nothing was done and nothing is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
	/// Order or voucher of another chain.
	#[error("the {0} is for another chain. Sign again with the genesis hash that GET /v1/channel shows.")]
	ForeignChain(&'static str),
	/// Order or voucher for another worker.
	#[error("the {0} is for another worker. Sign again for the operator that GET /v1/channel shows.")]
	ForeignWorker(&'static str),
	/// Order and voucher are of different payers.
	#[error("the order and the voucher name different payers. Sign both for the channel's payer.")]
	PayersDiffer,
	/// Order or voucher for another channel between the two.
	#[error("the {what} is for channel {got}, the open channel is {open}. Sign again with that number.")]
	WrongChannel {
		/// Which of the two.
		what: &'static str,
		/// Channel nonce in it.
		got: u64,
		/// Channel nonce on chain.
		open: u64,
	},
	/// The channel is being closed.
	#[error("the channel closes at block {0}. Withdraw it then and open a new one.")]
	Closing(BlockNumber),
	/// Not signed by the payer or its session key.
	#[error(
		"the {0}'s signature is neither the payer's nor the channel's session key's. Sign with one of them."
	)]
	BadSignature(&'static str),
	/// The order was made for other bytes.
	#[error("the order was signed for another request body. Hash exactly the bytes that are sent.")]
	WrongBody,
	/// An order with this nonce, or a later one, was taken before.
	#[error("order nonce {got} was used: the last was {last}. Sign the order again with a larger one.")]
	Replayed {
		/// Nonce of the order.
		got: u64,
		/// Last nonce taken.
		last: u64,
	},
	/// The voucher allows less than an earlier one.
	#[error("the voucher allows {got} planck in all, an earlier one {last}. Vouchers may not shrink: sign at least as much.")]
	Shrinking {
		/// Cumulative amount, planck.
		got: Balance,
		/// Of the earlier voucher, planck.
		last: Balance,
	},
	/// The voucher ends too soon.
	#[error(
		"the voucher expires at block {expiry}, a batch needs it until {needed}. Sign one that lasts longer."
	)]
	Expired {
		/// Its last block.
		expiry: BlockNumber,
		/// Least last block.
		needed: BlockNumber,
	},
	/// The voucher does not cover what was charged and this request.
	#[error(
		"the voucher allows {got} planck in all, {needed} are needed with this request. Sign a larger one."
	)]
	VoucherTooSmall {
		/// Cumulative amount, planck.
		got: Balance,
		/// Needed cumulative amount, planck.
		needed: Balance,
	},
	/// The deposit does not cover what was charged and this request.
	#[error("the channel can pay {limit} planck in all, {needed} are needed with this request. Top it up, or ask for fewer tokens.")]
	DepositTooSmall {
		/// Charged and held, planck.
		limit: Balance,
		/// Needed, planck.
		needed: Balance,
	},
}

impl Refusal {
	/// Machine-readable name of the error.
	pub fn code(&self) -> &'static str {
		match self {
			Self::ForeignChain(_) => "foreign_chain",
			Self::ForeignWorker(_) => "foreign_worker",
			Self::PayersDiffer => "payers_differ",
			Self::WrongChannel { .. } => "wrong_channel",
			Self::Closing(_) => "channel_closing",
			Self::BadSignature(_) => "bad_signature",
			Self::WrongBody => "wrong_body",
			Self::Replayed { .. } => "order_replayed",
			Self::Shrinking { .. } => "voucher_shrinks",
			Self::Expired { .. } => "voucher_expired",
			Self::VoucherTooSmall { .. } => "voucher_too_small",
			Self::DepositTooSmall { .. } => "deposit_too_small",
		}
	}
}

/// Checks that the order and voucher pay for the request with this body on this channel.
pub fn check(
	here: &Here,
	channel: &ChannelState,
	signed_order: &SignedOrder,
	signed_voucher: &SignedVoucher,
	body: &Hash,
) -> Result<(), Refusal> {
	let (order, voucher) = (&signed_order.order, &signed_voucher.voucher);
	let parties = [
		("order", order.genesis, order.worker, order.channel),
		("voucher", voucher.genesis, voucher.worker, voucher.channel),
	];
	for (what, genesis, worker, got) in parties {
		if genesis != here.genesis {
			return Err(Refusal::ForeignChain(what));
		}
		if worker != here.worker {
			return Err(Refusal::ForeignWorker(what));
		}
		if got != channel.nonce {
			return Err(Refusal::WrongChannel { what, got, open: channel.nonce });
		}
	}
	if order.payer != voucher.payer {
		return Err(Refusal::PayersDiffer);
	}
	if let Some(block) = channel.closes_at {
		return Err(Refusal::Closing(block));
	}
	if order.body != *body {
		return Err(Refusal::WrongBody);
	}
	if order.nonce <= channel.last_nonce {
		return Err(Refusal::Replayed { got: order.nonce, last: channel.last_nonce });
	}
	let needed = here.block.saturating_add(here.expiry_margin);
	if voucher.expiry < needed {
		return Err(Refusal::Expired { expiry: voucher.expiry, needed });
	}
	if voucher.cumulative < channel.last_cumulative {
		return Err(Refusal::Shrinking { got: voucher.cumulative, last: channel.last_cumulative });
	}
	let needed = channel.charged().saturating_add(order.max_fee);
	if voucher.cumulative < needed {
		return Err(Refusal::VoucherTooSmall { got: voucher.cumulative, needed });
	}
	if channel.limit < needed {
		return Err(Refusal::DepositTooSmall { limit: channel.limit, needed });
	}
	// Signatures last: they cost most.
	let session = channel.session_key.as_ref();
	if !verify_order(signed_order, session) {
		return Err(Refusal::BadSignature("order"));
	}
	if !verify_voucher(signed_voucher, session) {
		return Err(Refusal::BadSignature("voucher"));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_client::{
		voucher::{body_hash, sign_order, sign_voucher},
		Keypair,
	};
	use tributary_primitives::{request::RequestOrder, voucher::Voucher};

	const BODY: &[u8] = br#"{"model":"guide"}"#;

	struct Case {
		here: Here,
		channel: ChannelState,
		order: RequestOrder,
		voucher: Voucher,
		signers: (Keypair, Keypair),
		body: Vec<u8>,
	}

	impl Case {
		fn good() -> Self {
			let payer = Keypair::from_uri("//Alice").unwrap();
			let (genesis, worker) = ([1; 32], [2; 32]);
			let channel = ChannelState {
				nonce: 3,
				limit: 1_000,
				settled: 100,
				unsettled: 50,
				reserved: 30,
				last_nonce: 8,
				last_cumulative: 180,
				..Default::default()
			};
			let order = RequestOrder {
				genesis,
				payer: payer.account(),
				worker,
				channel: 3,
				nonce: 9,
				body: body_hash(BODY),
				max_fee: 20,
			};
			let voucher =
				Voucher { genesis, payer: payer.account(), worker, channel: 3, cumulative: 200, expiry: 60 };
			Self {
				here: Here { genesis, worker, block: 50, expiry_margin: 10 },
				channel,
				order,
				voucher,
				signers: (payer.clone(), payer),
				body: BODY.to_vec(),
			}
		}

		fn check(&self) -> Result<(), Refusal> {
			let order = sign_order(self.order, &self.signers.0);
			let voucher = sign_voucher(self.voucher, &self.signers.1);
			check(&self.here, &self.channel, &order, &voucher, &body_hash(&self.body))
		}
	}

	fn refusal(change: impl FnOnce(&mut Case)) -> Refusal {
		let mut case = Case::good();
		change(&mut case);
		case.check().unwrap_err()
	}

	#[test]
	fn request_is_taken_when_order_and_voucher_just_cover_it() {
		assert_eq!(Case::good().check(), Ok(()));
	}

	#[test]
	fn request_is_taken_when_the_session_key_signed() {
		let mut case = Case::good();
		let session = Keypair::from_uri("//Session").unwrap();
		case.channel.session_key = Some(session.account());
		case.signers = (session.clone(), session);
		assert_eq!(case.check(), Ok(()));
	}

	#[test]
	fn request_is_refused_when_order_or_voucher_is_of_another_chain() {
		assert_eq!(refusal(|c| c.order.genesis = [9; 32]), Refusal::ForeignChain("order"));
		assert_eq!(refusal(|c| c.voucher.genesis = [9; 32]), Refusal::ForeignChain("voucher"));
	}

	#[test]
	fn request_is_refused_when_order_or_voucher_is_for_another_worker() {
		assert_eq!(refusal(|c| c.order.worker = [9; 32]), Refusal::ForeignWorker("order"));
		assert_eq!(refusal(|c| c.voucher.worker = [9; 32]), Refusal::ForeignWorker("voucher"));
	}

	#[test]
	fn request_is_refused_when_order_or_voucher_is_for_another_channel() {
		assert!(matches!(
			refusal(|c| c.order.channel = 2),
			Refusal::WrongChannel { what: "order", got: 2, open: 3 }
		));
		assert!(matches!(refusal(|c| c.voucher.channel = 4), Refusal::WrongChannel { what: "voucher", .. }));
	}

	#[test]
	fn request_is_refused_when_payers_differ() {
		assert_eq!(refusal(|c| c.voucher.payer = [9; 32]), Refusal::PayersDiffer);
	}

	#[test]
	fn request_is_refused_when_the_channel_closes() {
		assert_eq!(refusal(|c| c.channel.closes_at = Some(70)), Refusal::Closing(70));
	}

	#[test]
	fn request_is_refused_when_the_body_is_not_the_signed_one() {
		assert_eq!(refusal(|c| c.body.push(b' ')), Refusal::WrongBody);
	}

	#[test]
	fn request_is_refused_when_the_order_is_replayed() {
		assert_eq!(refusal(|c| c.order.nonce = 8), Refusal::Replayed { got: 8, last: 8 });
		assert!(matches!(refusal(|c| c.order.nonce = 0), Refusal::Replayed { .. }));
	}

	#[test]
	fn request_is_refused_when_the_voucher_expires_within_the_margin() {
		assert_eq!(refusal(|c| c.voucher.expiry = 59), Refusal::Expired { expiry: 59, needed: 60 });
		assert!(matches!(refusal(|c| c.here.block = u32::MAX), Refusal::Expired { .. }));
	}

	#[test]
	fn request_is_refused_when_the_voucher_shrinks() {
		let shrunk = refusal(|c| c.channel.last_cumulative = 201);
		assert_eq!(shrunk, Refusal::Shrinking { got: 200, last: 201 });
	}

	#[test]
	fn request_is_refused_when_the_voucher_does_not_cover_running_requests() {
		let small = refusal(|c| c.channel.reserved += 1);
		assert_eq!(small, Refusal::VoucherTooSmall { got: 200, needed: 201 });
		assert!(matches!(refusal(|c| c.order.max_fee = u128::MAX), Refusal::VoucherTooSmall { .. }));
	}

	#[test]
	fn request_is_refused_when_the_deposit_does_not_cover_it() {
		let poor = refusal(|c| c.channel.limit = 199);
		assert_eq!(poor, Refusal::DepositTooSmall { limit: 199, needed: 200 });
	}

	#[test]
	fn request_is_refused_when_a_stranger_signed() {
		let stranger = || Keypair::from_uri("//Eve").unwrap();
		assert_eq!(refusal(|c| c.signers.0 = stranger()), Refusal::BadSignature("order"));
		assert_eq!(refusal(|c| c.signers.1 = stranger()), Refusal::BadSignature("voucher"));
	}

	#[test]
	fn channel_is_urgent_when_it_closes_or_its_voucher_soon_expires() {
		let channel = ChannelState { unsettled: 1, expires_at: 60, ..Default::default() };
		assert!(channel.is_urgent(50, 10) && channel.is_urgent(60, 0));
		assert!(!channel.is_urgent(49, 10) && !channel.is_urgent(61, 10));
		assert!(ChannelState { closes_at: Some(99), ..channel }.is_urgent(1, 1));
		assert!(!ChannelState { unsettled: 0, closes_at: Some(99), ..channel }.is_urgent(50, 10));
	}

	#[test]
	fn refusals_say_what_to_do_when_shown() {
		let shown = Refusal::VoucherTooSmall { got: 1, needed: 2 }.to_string();
		assert!(shown.contains("Sign a larger one"), "{shown}");
	}
}
