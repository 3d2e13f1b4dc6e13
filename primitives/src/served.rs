//! Which parts of an agent answer a request.
//!
//! An agent groups some of its parts into *skills*; each skill names adapters, prompts and DataNets by bit
//! masks over the agent's own lists. A part in no skill is always active, the others when one of their
//! skills is.

use crate::{
	limits::{MAX_AGENT_ADAPTERS, MAX_AGENT_DATANETS, MAX_AGENT_PROMPTS, MAX_AGENT_SKILLS},
	AssetRef,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

// A part or skill beyond a mask's last bit would never be active, nor paid.
const _: () = {
	assert!(MAX_AGENT_SKILLS <= u8::BITS);
	assert!(MAX_AGENT_ADAPTERS <= u8::BITS);
	assert!(MAX_AGENT_PROMPTS <= u8::BITS);
	assert!(MAX_AGENT_DATANETS <= u8::BITS);
};

/// The skills of an agent version that a request used: bit *i* for the version's skill *i*.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct SkillSet(pub u8);

impl SkillSet {
	/// The set with one more skill; `None` beyond the eighth.
	pub fn with(self, skill: usize) -> Option<Self> {
		let bit = 1u8.checked_shl(u32::try_from(skill).ok()?)?;
		Some(Self(self.0 | bit))
	}

	/// Whether the skill is in the set.
	pub fn contains(self, skill: usize) -> bool {
		has_bit(self.0, skill)
	}

	/// Whether a version with this many skills has all of the set.
	pub fn fits(self, skills: usize) -> bool {
		mask_fits(self.0, skills)
	}

	/// The active parts of one kind as a bit mask. `masks` are the parts of that kind in each skill, in the
	/// skills' order.
	pub fn active(self, masks: impl IntoIterator<Item = u8>) -> u8 {
		let (mut grouped, mut chosen) = (0, 0);
		for (skill, mask) in masks.into_iter().enumerate() {
			grouped |= mask;
			if self.contains(skill) {
				chosen |= mask;
			}
		}
		!grouped | chosen
	}
}

/// Whether a bit mask has the part at `index`.
pub fn has_bit(mask: u8, index: usize) -> bool {
	u32::try_from(index).ok().and_then(|index| mask.checked_shr(index)).is_some_and(|bits| bits & 1 == 1)
}

/// Whether a bit mask names only parts of a list this long.
pub fn mask_fits(mask: u8, parts: usize) -> bool {
	u32::try_from(parts).ok().and_then(|parts| mask.checked_shr(parts)).unwrap_or(0) == 0
}

/// An agent version and the skills that were active: what a batch counts and splits by.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Served {
	/// The agent version.
	pub agent: AssetRef,
	/// Its active skills.
	pub skills: SkillSet,
}

impl From<AssetRef> for Served {
	/// The agent version without any skill.
	fn from(agent: AssetRef) -> Self {
		Self { agent, skills: SkillSet::default() }
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn parts_are_active_when_in_no_skill_or_in_an_active_one() {
		let masks = [0b0011, 0b0110];
		assert_eq!(SkillSet(0b00).active(masks), 0b1111_1000);
		assert_eq!(SkillSet(0b01).active(masks), 0b1111_1011);
		assert_eq!(SkillSet(0b10).active(masks), 0b1111_1110);
		assert_eq!(SkillSet(0b11).active(masks), u8::MAX);
	}

	#[test]
	fn set_grows_when_a_skill_is_added_and_has_no_ninth() {
		let set = SkillSet::default().with(1).and_then(|set| set.with(7)).unwrap();
		assert_eq!(set, SkillSet(0b1000_0010));
		assert!(set.contains(7) && !set.contains(0) && !set.contains(8));
		assert_eq!(set.with(8), None);
	}

	#[test]
	fn mask_is_refused_when_it_reaches_beyond_its_list() {
		assert!(mask_fits(0b111, 3) && mask_fits(u8::MAX, 8) && mask_fits(u8::MAX, 99) && mask_fits(0, 0));
		assert!(!mask_fits(0b1000, 3) && !mask_fits(1, 0));
		assert!(!SkillSet(0b10).fits(1));
	}

	proptest! {
		#[test]
		fn every_part_is_active_when_all_its_skills_are(masks in proptest::collection::vec(any::<u8>(), 0..=8)) {
			prop_assert_eq!(SkillSet(u8::MAX).active(masks.clone()), u8::MAX);
			let none = SkillSet(0).active(masks.clone());
			for index in 0..8 {
				prop_assert_eq!(has_bit(none, index), masks.iter().all(|mask| !has_bit(*mask, index)));
			}
		}
	}
}
