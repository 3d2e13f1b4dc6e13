//! Parameters: their ranges, who sets them, and where they count.

use crate::common::{alice, by_alice, by_committee, genesis, time::*};
use codec::{Decode, Encode};
use polkadot_sdk::{
	frame_support::{
		assert_err, assert_ok,
		storage::unhashed,
		traits::{dynamic_params::AggregatedKeyValue, Get},
	},
	pallet_parameters,
	sp_runtime::DispatchError,
};
use tributary_runtime::{
	constants::*,
	governance::origins::Origin,
	parameters::{
		attribution, deposits, fees, prompts, validators, workers, MinValidators, RuntimeParameters, Value,
		Within,
	},
	AccountId, Balance, Balances, Runtime, RuntimeCall, RuntimeOrigin,
};

fn run(test: impl FnOnce()) {
	genesis("development").execute_with(|| {
		pass(1);
		test()
	})
}

/// A call that sets the parameter with these indices, as anybody could encode it.
fn encoded(pallet: u8, parameter: u8, value: impl Encode) -> Vec<u8> {
	let call = pallet_parameters::Call::<Runtime>::set_parameter {
		key_value: RuntimeParameters::Fees(fees::Parameters::AuthorShare(fees::AuthorShare, None)),
	};
	let mut bytes = RuntimeCall::from(call).encode();
	// Pallet and call, then pallet, parameter and option of the key and value.
	bytes.truncate(2);
	bytes.extend([pallet, parameter]);
	Some(value).encode_to(&mut bytes);
	bytes
}

fn is_call(bytes: &[u8]) -> bool {
	RuntimeCall::decode(&mut &*bytes).is_ok()
}

/// Every parameter: its indices, its bytes, its range and its default.
fn all() -> Vec<(u8, u8, usize, u128, u128, u128)> {
	let ppm = u128::from(tributary_primitives::PPM);
	let number = |value: u32| u128::from(value);
	vec![
		(0, 0, 4, 0, ppm, number(Value::<fees::AuthorShare>::get())),
		(1, 0, 4, 16, 100, number(Value::<validators::MaxValidators>::get())),
		(1, 1, 4, 1, 100, number(Value::<validators::MinValidators>::get())),
		(1, 2, 16, TRB, 1_000_000 * TRB, Value::<validators::MinBond>::get()),
		(1, 3, 16, TRB / 10, 10_000 * TRB, Value::<validators::MinNomination>::get()),
		(1, 4, 4, 0, ppm, number(Value::<validators::MaxCommission>::get())),
		(1, 5, 4, 0, 500_000, number(Value::<validators::SeatFloor>::get())),
		(2, 0, 16, TRB / 10_000, TRB, Value::<deposits::PerItem>::get()),
		(2, 1, 16, MICRO_TRB, MILLI_TRB, Value::<deposits::PerByte>::get()),
		(3, 0, 16, TRB / 10, 10_000 * TRB, Value::<attribution::ChallengeBond>::get()),
		(4, 0, 16, TRB, 1_000_000 * TRB, Value::<workers::MinBond>::get()),
		(5, 0, 4, 1, 500_000, number(Value::<prompts::ForkShare>::get())),
	]
}

fn set(
	origin: RuntimeOrigin,
	pallet: u8,
	parameter: u8,
	bytes: usize,
	value: u128,
) -> Result<(), DispatchError> {
	let encoded_value = &value.to_le_bytes()[..bytes];
	let mut call_bytes = encoded(pallet, parameter, ());
	call_bytes.extend(encoded_value);
	call(origin, RuntimeCall::decode(&mut &call_bytes[..]).expect("the value is in its range"))
}

/// The least bond of a worker, planck.
fn worker_bond() -> Balance {
	Value::<workers::MinBond>::get()
}

#[test]
fn value_is_refused_when_it_is_out_of_its_range() {
	run(|| {
		for (pallet, parameter, bytes, least, most, default) in all() {
			let decodes = |value: u128| {
				let mut call = encoded(pallet, parameter, ());
				call.extend(&value.to_le_bytes()[..bytes]);
				is_call(&call)
			};
			assert!((least..=most).contains(&default), "{pallet}.{parameter}");
			assert!(decodes(least) && decodes(most) && decodes(default), "{pallet}.{parameter}");
			assert!(!decodes(most + 1), "{pallet}.{parameter}");
			assert!(least == 0 || !decodes(least - 1), "{pallet}.{parameter}");
		}
	});
}

#[test]
fn parameters_are_all_listed_when_one_is_added() {
	run(|| {
		let listed: Vec<_> = all().iter().map(|each| (each.0, each.1)).collect();
		let exists = |pallet, parameter| {
			let mut call = encoded(pallet, parameter, ());
			// No value: back to the default.
			call.truncate(4);
			call.push(0);
			is_call(&call)
		};
		let found: Vec<_> = (0..=u8::MAX)
			.flat_map(|pallet| (0..=u8::MAX).map(move |parameter| (pallet, parameter)))
			.filter(|(pallet, parameter)| exists(*pallet, *parameter))
			.collect();
		assert_eq!(found, listed);
	});
}

#[test]
fn every_bound_keeps_the_chain_going_when_set() {
	for most in [false, true] {
		run(|| {
			for (pallet, parameter, bytes, least, maximum, _) in all() {
				let value = if most { maximum } else { least };
				assert_ok!(set(RuntimeOrigin::root(), pallet, parameter, bytes, value));
			}
			pass(3);
			let values: Vec<_> = all().iter().map(|each| each.5).collect();
			let expected: Vec<_> = all().iter().map(|each| if most { each.4 } else { each.3 }).collect();
			assert_eq!(values, expected);
		});
	}
}

#[test]
fn parameter_is_set_by_its_track_only_when_asked() {
	run(|| {
		for (pallet, parameter, bytes, .., default) in all() {
			let (mine, other) = match pallet {
				1 => (Origin::ValidatorSet, Origin::Protocol),
				_ => (Origin::Protocol, Origin::ValidatorSet),
			};
			assert_ok!(set(mine.into(), pallet, parameter, bytes, default));
			let others =
				[other.into(), Origin::Arbiter.into(), Origin::BigSpender.into(), by_committee(), by_alice()];
			for origin in others {
				assert_err!(set(origin, pallet, parameter, bytes, default), DispatchError::BadOrigin);
			}
		}
	});
}

#[test]
fn default_is_in_force_again_when_a_parameter_is_removed() {
	run(|| {
		assert_ok!(set(RuntimeOrigin::root(), 4, 0, 16, 5 * TRB));
		assert_eq!(worker_bond(), 5 * TRB);
		let key_value = RuntimeParameters::Workers(workers::Parameters::MinBond(workers::MinBond, None));
		assert_ok!(call(RuntimeOrigin::root(), pallet_parameters::Call::set_parameter { key_value }));
		assert_eq!(worker_bond(), 100 * TRB);
	});
}

#[test]
fn default_is_in_force_when_the_stored_value_is_out_of_its_range() {
	run(|| {
		assert_ok!(set(RuntimeOrigin::root(), 4, 0, 16, 5 * TRB));
		let value = Within::new(5 * TRB).expect("in range");
		let key_value =
			RuntimeParameters::Workers(workers::Parameters::MinBond(workers::MinBond, Some(value)));
		let (key, _) = key_value.into_parts();
		let storage_key = pallet_parameters::Parameters::<Runtime>::hashed_key_for(key);
		let mut stored = unhashed::get_raw(&storage_key).expect("it is stored");
		let number = stored.len() - 16;
		stored[number..].copy_from_slice(&0u128.to_le_bytes());
		unhashed::put_raw(&storage_key, &stored);
		assert_eq!(worker_bond(), 100 * TRB);
	});
}

#[test]
fn least_validators_are_never_above_the_most_when_set() {
	run(|| {
		assert_ok!(set(RuntimeOrigin::root(), 1, 1, 4, 50));
		assert_eq!(MinValidators::get(), 50);
		assert_ok!(set(RuntimeOrigin::root(), 1, 0, 4, 17));
		assert_eq!(MinValidators::get(), 17);
	});
}

#[test]
fn bond_of_a_worker_counts_when_the_least_is_raised() {
	run(|| {
		let register = |bond: Balance| pallet_workers::Call::<Runtime>::register {
			service_key: AccountId::new([3; 32]),
			endpoint: b"https://worker.example".to_vec().try_into().expect("the endpoint is short"),
			models: Default::default(),
			bond,
		};
		assert_ok!(set(Origin::Protocol.into(), 4, 0, 16, 200 * TRB));
		let small = pallet_workers::Error::<Runtime>::BondTooSmall;
		assert_err!(call(by_alice(), register(199 * TRB)), small);
		assert_ok!(call(by_alice(), register(200 * TRB)));
	});
}

#[test]
fn deposit_comes_back_as_it_was_when_the_price_changed() {
	run(|| {
		let announce = || pallet_grants::Call::<Runtime>::announce { recipient: [1; 32] };
		let before = Balances::free_balance(alice());
		assert_ok!(call(by_alice(), announce()));
		let held = before - Balances::free_balance(alice());
		assert_ok!(set(Origin::Protocol.into(), 2, 0, 16, TRB));
		assert_ok!(call(by_alice(), pallet_grants::Call::withdraw_recipient {}));
		assert_eq!(Balances::free_balance(alice()), before);
		assert_ok!(call(by_alice(), announce()));
		assert_eq!(before - Balances::free_balance(alice()), held - MILLI_TRB + TRB);
	});
}
