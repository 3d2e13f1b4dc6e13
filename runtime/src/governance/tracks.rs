//! Tracks of referenda: what each takes to pass, and how long.
//!
//! Approval is the part of the votes, weighted by conviction, that say aye; support the part of all tokens
//! that can vote, without conviction, that say aye. Both thresholds fall while a referendum is decided: what nearly all want passes
//! early, what is disputed only at the end, and nothing below the floor.

use super::origins::Origin;
use crate::{constants::*, Balance, BlockNumber, OriginCaller};
use alloc::borrow::Cow;
use polkadot_sdk::{
	frame_system::RawOrigin,
	pallet_referenda::{Curve, Track, TrackInfo, TracksInfo},
	sp_runtime::{str_array, Perbill},
};

/// Identifies a track. Ids are part of stored referenda and votes: never change one.
pub type TrackId = u16;

/// Anything that root may do.
pub const ROOT: TrackId = 0;
/// Parameters of the protocol and the split of usage fees.
pub const PROTOCOL: TrackId = 1;
/// Limits of the validator set.
pub const VALIDATORS: TrackId = 2;
/// Verdicts on challenged batches.
pub const CHALLENGES: TrackId = 3;
/// Members of the technical committee.
pub const COMMITTEE: TrackId = 4;
/// Small spends of the treasury.
pub const SMALL_SPENDS: TrackId = 10;
/// Big spends of the treasury.
pub const BIG_SPENDS: TrackId = 11;

type Info = TrackInfo<Balance, BlockNumber>;

/// One minute, blocks.
const MINUTES: BlockNumber = HOURS / 60;

const fn percent(part: u32) -> Perbill {
	Perbill::from_percent(part)
}

/// A threshold that falls in a line from `ceil` to `floor` percent over the whole decision period.
const fn line(ceil: u32, floor: u32) -> Curve {
	Curve::LinearDecreasing { length: percent(100), floor: percent(floor), ceil: percent(ceil) }
}

/// The tracks by id.
const TRACKS: [Track<TrackId, Balance, BlockNumber>; 7] = [
	Track {
		id: ROOT,
		info: Info {
			name: str_array("root"),
			max_deciding: 1,
			decision_deposit: 1_000 * TRB,
			prepare_period: 2 * HOURS,
			decision_period: 14 * DAYS,
			confirm_period: 2 * DAYS,
			min_enactment_period: DAYS,
			min_approval: line(100, 66),
			min_support: line(50, 10),
		},
	},
	Track {
		id: PROTOCOL,
		info: Info {
			name: str_array("protocol"),
			max_deciding: 5,
			decision_deposit: 500 * TRB,
			prepare_period: 2 * HOURS,
			decision_period: 7 * DAYS,
			confirm_period: DAYS,
			min_enactment_period: 12 * HOURS,
			min_approval: line(100, 55),
			min_support: line(50, 5),
		},
	},
	Track {
		id: VALIDATORS,
		info: Info {
			name: str_array("validators"),
			max_deciding: 2,
			decision_deposit: 500 * TRB,
			prepare_period: 2 * HOURS,
			decision_period: 7 * DAYS,
			confirm_period: DAYS,
			min_enactment_period: 12 * HOURS,
			min_approval: line(100, 55),
			min_support: line(50, 5),
		},
	},
	Track {
		id: CHALLENGES,
		info: Info {
			name: str_array("challenges"),
			max_deciding: 20,
			decision_deposit: 20 * TRB,
			prepare_period: 10 * MINUTES,
			decision_period: 3 * DAYS,
			confirm_period: 6 * HOURS,
			min_enactment_period: 10 * MINUTES,
			min_approval: line(100, 50),
			min_support: line(25, 1),
		},
	},
	Track {
		id: COMMITTEE,
		info: Info {
			name: str_array("committee"),
			max_deciding: 2,
			decision_deposit: 500 * TRB,
			prepare_period: HOURS,
			decision_period: 7 * DAYS,
			confirm_period: DAYS,
			min_enactment_period: HOURS,
			min_approval: line(100, 60),
			min_support: line(50, 5),
		},
	},
	Track {
		id: SMALL_SPENDS,
		info: Info {
			name: str_array("small_spends"),
			max_deciding: 5,
			decision_deposit: 50 * TRB,
			prepare_period: 2 * HOURS,
			decision_period: 7 * DAYS,
			confirm_period: DAYS,
			min_enactment_period: 12 * HOURS,
			min_approval: line(100, 50),
			min_support: line(25, 2),
		},
	},
	Track {
		id: BIG_SPENDS,
		info: Info {
			name: str_array("big_spends"),
			max_deciding: 2,
			decision_deposit: 500 * TRB,
			prepare_period: 4 * HOURS,
			decision_period: 14 * DAYS,
			confirm_period: 2 * DAYS,
			min_enactment_period: DAYS,
			min_approval: line(100, 60),
			min_support: line(50, 5),
		},
	},
];

/// The tracks.
pub struct Tracks;

impl TracksInfo<Balance, BlockNumber> for Tracks {
	type Id = TrackId;
	type RuntimeOrigin = OriginCaller;

	fn tracks() -> impl Iterator<Item = Cow<'static, Track<TrackId, Balance, BlockNumber>>> {
		TRACKS.iter().map(Cow::Borrowed)
	}

	fn track_for(origin: &OriginCaller) -> Result<TrackId, ()> {
		match origin {
			OriginCaller::system(RawOrigin::Root) => Ok(ROOT),
			OriginCaller::Origins(origin) => Ok(match origin {
				Origin::Protocol => PROTOCOL,
				Origin::ValidatorSet => VALIDATORS,
				Origin::Arbiter => CHALLENGES,
				Origin::Elector => COMMITTEE,
				Origin::SmallSpender => SMALL_SPENDS,
				Origin::BigSpender => BIG_SPENDS,
			}),
			_ => Err(()),
		}
	}
}
