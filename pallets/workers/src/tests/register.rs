//! Registering and describing a worker.

use super::*;
use tributary_primitives::traits::Workers as _;

#[test]
fn worker_is_found_when_registered() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		let registered = Event::Registered { operator: OPERATOR, service_key: KEY, bond: MIN_BOND };
		assert_eq!(last_event(), registered);
		assert_eq!(Balances::free_balance(OPERATOR), ENDOWMENT - MIN_BOND);
		let view = Workers::worker(OPERATOR).unwrap();
		assert_eq!((view.operator, view.service_key), (OPERATOR.into(), KEY.into()));
		assert_eq!((view.bond, view.unbonds_at), (MIN_BOND, None));
		assert_eq!((view.endpoint, view.models), (b"https://worker.example:8443".to_vec(), vec![1, 2]));
		assert_eq!(Workers::operator_of(KEY.as_ref()), Some(OPERATOR.into()));
		assert!(Workers::is_active(OPERATOR.as_ref()));
		assert!(!Workers::is_active(OTHER.as_ref()));
	});
}

#[test]
fn workers_are_paged_when_listed() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_ok!(register(OTHER, OTHER_KEY, MIN_BOND));
		let all = Workers::workers(0, 10);
		assert_eq!(all.len(), 2);
		assert_eq!(Workers::workers(0, 1), all[..1].to_vec());
		assert_eq!(Workers::workers(1, 10), all[1..].to_vec());
		assert!(Workers::workers(2, 10).is_empty());
	});
}

#[test]
fn register_is_refused_when_already_registered() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_noop!(register(OPERATOR, OTHER_KEY, MIN_BOND), Error::<Test>::AlreadyRegistered);
	});
}

#[test]
fn register_is_refused_when_the_service_key_is_in_use() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_noop!(register(OTHER, KEY, MIN_BOND), Error::<Test>::ServiceKeyInUse);
	});
}

#[test]
fn register_is_refused_when_the_bond_is_too_small() {
	run(|| {
		assert_noop!(register(OPERATOR, KEY, MIN_BOND - 1), Error::<Test>::BondTooSmall);
	});
}

#[test]
fn register_is_refused_when_the_balance_does_not_cover_the_bond() {
	run(|| {
		assert_noop!(register(OPERATOR, KEY, ENDOWMENT + 1), TokenError::FundsUnavailable);
	});
}

#[test]
fn register_is_refused_when_the_endpoint_is_not_a_url() {
	run(|| {
		for url in ["", "https://", "ftp://host", "worker.example", "http://a b", "http://\u{e9}.example"] {
			let call =
				Workers::register(RuntimeOrigin::signed(OPERATOR), KEY, endpoint(url), models(&[]), MIN_BOND);
			assert_noop!(call, Error::<Test>::InvalidEndpoint);
		}
	});
}

#[test]
fn register_is_refused_when_a_model_is_listed_twice() {
	run(|| {
		let url = endpoint("http://10.0.0.1:8080/v1");
		let call = Workers::register(RuntimeOrigin::signed(OPERATOR), KEY, url, models(&[3, 1, 3]), MIN_BOND);
		assert_noop!(call, Error::<Test>::DuplicateModel);
	});
}

#[test]
fn register_is_refused_when_unsigned() {
	run(|| {
		let call = Workers::register(RuntimeOrigin::none(), KEY, endpoint("http://a"), models(&[]), MIN_BOND);
		assert_noop!(call, BadOrigin);
	});
}

#[test]
fn update_replaces_the_description_when_registered() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		let signed = RuntimeOrigin::signed(OPERATOR);
		assert_ok!(Workers::update(signed.clone(), OTHER_KEY, endpoint("http://b"), models(&[7])));
		assert_eq!(last_event(), Event::Updated { operator: OPERATOR, service_key: OTHER_KEY });
		assert_eq!(Workers::operator_of(KEY.as_ref()), None);
		assert_eq!(Workers::operator_of(OTHER_KEY.as_ref()), Some(OPERATOR.into()));
		assert_eq!(Workers::worker(OPERATOR).unwrap().models, vec![7]);
		assert_ok!(Workers::update(signed, OTHER_KEY, endpoint("http://c"), models(&[])));
		assert_eq!(Workers::worker(OPERATOR).unwrap().endpoint, b"http://c".to_vec());
	});
}

#[test]
fn update_is_refused_when_its_input_is_bad() {
	run(|| {
		let update = |who: AccountId32, key: AccountId32, url: &str, ids: &[u32]| {
			Workers::update(RuntimeOrigin::signed(who), key, endpoint(url), models(ids))
		};
		assert_noop!(update(OPERATOR, KEY, "http://b", &[]), Error::<Test>::NotRegistered);
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_ok!(register(OTHER, OTHER_KEY, MIN_BOND));
		assert_noop!(update(OPERATOR, OTHER_KEY, "http://b", &[]), Error::<Test>::ServiceKeyInUse);
		assert_noop!(update(OPERATOR, KEY, "b", &[]), Error::<Test>::InvalidEndpoint);
		assert_noop!(update(OPERATOR, KEY, "http://b", &[1, 1]), Error::<Test>::DuplicateModel);
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		assert_noop!(update(OPERATOR, KEY, "http://b", &[]), Error::<Test>::Unbonding);
	});
}
