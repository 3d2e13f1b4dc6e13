//! What users read, and how weights grow.

use crate::{mock::*, MAX_PAGE};
use tributary_primitives::views::{ContributionStatus, ContributionView};

#[test]
fn datanets_are_paged_when_there_are_several() {
	test(|| {
		let names = |start, limit| -> Vec<_> {
			Datanets::datanets(start, limit).into_iter().map(|datanet| datanet.name).collect()
		};
		assert_eq!(names(0, 9), vec![b"rivers".to_vec(), b"seas".to_vec()]);
		assert_eq!(names(1, 1), vec![b"seas".to_vec()]);
		assert!(names(2, 9).is_empty());
	});
}

#[test]
fn contributions_skip_withdrawn_ones_when_paged() {
	test(|| {
		contribute(ALICE, CURATED, 0..4);
		Datanets::withdraw(signed(ALICE), CURATED, 1).unwrap();
		let page = Datanets::contributions(CURATED, 1, 2);
		assert_eq!(page.iter().map(|one| one.index).collect::<Vec<_>>(), vec![2]);
		assert_eq!(Datanets::datanet(CURATED).unwrap().contributions, 4);
	});
}

#[test]
fn contributions_are_cut_to_a_page_when_limit_is_long() {
	test(|| {
		for batch in 0..3 {
			contribute(ALICE, OPEN, batch * crate::MAX_BATCH..(batch + 1) * crate::MAX_BATCH);
		}
		assert_eq!(Datanets::contributions(OPEN, 0, u32::MAX).len(), MAX_PAGE as usize);
		assert!(Datanets::contributions(9, 0, 1).is_empty());
	});
}

#[test]
fn contribution_shows_what_was_added_when_it_is_known() {
	test(|| {
		contribute(ALICE, OPEN, [3]);
		let expected = ContributionView {
			index: 0,
			contributor: [3; 32],
			content: item(3).content,
			bytes: 99,
			licence: b"CC0-1.0".to_vec(),
			metadata: b"a title".to_vec(),
			status: ContributionStatus::Accepted { leaf: 0 },
		};
		assert_eq!(Datanets::contribution(OPEN, 0), Some(expected));
		assert_eq!(Datanets::contribution(OPEN, 1), None);
		assert_eq!(Datanets::datanet(OPEN).unwrap().accepted, 1);
	});
}
