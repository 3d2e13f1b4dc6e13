//! Numbers that define the chain.

use crate::{Balance, BlockNumber};
use polkadot_sdk::{
	frame_support::weights::{constants::WEIGHT_REF_TIME_PER_SECOND, Weight},
	sp_runtime::Perbill,
};

/// Symbol of the token.
pub const TOKEN_SYMBOL: &str = "TRB";
/// Decimals of the token.
pub const TOKEN_DECIMALS: u8 = 12;
/// First byte of addresses in text.
pub const SS58_PREFIX: u16 = 42;

/// One TRB, planck.
pub const TRB: Balance = 1_000_000_000_000;
/// One thousandth TRB, planck.
pub const MILLI_TRB: Balance = TRB / 1_000;
/// One millionth TRB, planck.
pub const MICRO_TRB: Balance = MILLI_TRB / 1_000;

/// Least balance of an account, planck.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_TRB;
/// Fee for each byte of a transaction, planck.
pub const BYTE_FEE: Balance = MICRO_TRB / 10;

/// Deposit for storing `items` storage items of `bytes` bytes together, planck. Each item costs as much
/// as an account must hold, so that no item is cheaper than the accounts an attacker would make instead.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
	items as Balance * EXISTENTIAL_DEPOSIT + bytes as Balance * 10 * MICRO_TRB
}

/// Time between blocks, milliseconds. It can not change once a chain runs.
pub const BLOCK_MILLIS: u64 = 6_000;
/// One hour, blocks.
pub const HOURS: BlockNumber = 600;
/// One day, blocks.
pub const DAYS: BlockNumber = 24 * HOURS;
/// Time that executing one block may take: 2 s of 6 s. Proofs have no size limit: there is no relay chain.
pub const BLOCK_WEIGHT: Weight = Weight::from_parts(2 * WEIGHT_REF_TIME_PER_SECOND, u64::MAX);
/// Part of a block for ordinary transactions; the rest is for operational ones.
pub const NORMAL_RATIO: Perbill = Perbill::from_percent(75);
/// Largest block, bytes.
pub const BLOCK_BYTES: u32 = 5 * 1024 * 1024;

/// Most validators.
pub const MAX_VALIDATORS: u32 = 100;
/// Most sessions for which stake that leaves may stay slashable.
pub const MAX_UNBONDING_SESSIONS: u32 = 256;
