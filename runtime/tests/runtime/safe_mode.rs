//! Safe mode and paused calls: what they stop, and what they can not stop.

use crate::common::{alice, bob, by_alice, by_bob, by_committee, charlie, genesis, time::*};
use polkadot_sdk::{
	frame_support::{
		assert_err, assert_noop, assert_ok,
		traits::{Contains, GetCallMetadata},
	},
	frame_system, pallet_balances, pallet_multisig, pallet_proxy, pallet_safe_mode, pallet_session,
	pallet_sudo, pallet_tx_pause, pallet_utility,
	sp_runtime::{DispatchError, MultiAddress},
};
use tributary_primitives::VaultKey;
use tributary_runtime::{
	configs::{ProxyType, SafeCalls, PAUSABLE, PUNISHING},
	constants::*,
	Balances, Runtime, RuntimeCall, RuntimeOrigin, SafeMode,
};

const FILTERED: frame_system::Error<Runtime> = frame_system::Error::CallFiltered;

fn run(test: impl FnOnce()) {
	genesis("local").execute_with(|| {
		pass(1);
		test()
	})
}

fn transfer() -> RuntimeCall {
	pallet_balances::Call::transfer_keep_alive { dest: MultiAddress::Id(bob()), value: TRB }.into()
}

fn claim() -> RuntimeCall {
	pallet_attribution::Call::claim { vault: VaultKey::Platform }.into()
}

fn enter() {
	assert_ok!(call(by_committee(), pallet_safe_mode::Call::force_enter {}));
}

fn ident(pallet: &str, name: &str) -> pallet_tx_pause::RuntimeCallNameOf<Runtime> {
	let bounded = |name: &str| name.as_bytes().to_vec().try_into().expect("the name is short");
	(bounded(pallet), bounded(name))
}

fn pause(pallet: &str, name: &str) -> pallet_tx_pause::Call<Runtime> {
	pallet_tx_pause::Call::pause { full_name: ident(pallet, name) }
}

/// `inner` as Alice sends it in every wrapper, none of which may let it through. Each fails, or succeeds
/// without an effect.
fn send_wrapped(inner: RuntimeCall) {
	let one = || vec![inner.clone()];
	let boxed = || Box::new(inner.clone());
	assert_err!(call(by_alice(), inner.clone()), FILTERED);
	assert_err!(call(by_alice(), pallet_utility::Call::batch_all { calls: one() }), FILTERED);
	assert_ok!(call(by_alice(), pallet_utility::Call::batch { calls: one() }));
	assert_ok!(call(by_alice(), pallet_utility::Call::force_batch { calls: one() }));
	assert_err!(call(by_alice(), pallet_utility::Call::as_derivative { index: 0, call: boxed() }), FILTERED);
	let nested = pallet_utility::Call::batch_all { calls: one() }.into();
	assert_err!(call(by_alice(), pallet_utility::Call::batch_all { calls: vec![nested] }), FILTERED);
	let threshold =
		pallet_multisig::Call::as_multi_threshold_1 { other_signatories: vec![charlie()], call: boxed() };
	assert_err!(call(by_alice(), threshold), FILTERED);
	let proxy =
		pallet_proxy::Call::proxy { real: MultiAddress::Id(alice()), force_proxy_type: None, call: boxed() };
	assert_ok!(call(by_bob(), proxy));
}

/// Makes Bob Alice's proxy.
fn delegate() {
	let add = pallet_proxy::Call::add_proxy {
		delegate: MultiAddress::Id(bob()),
		proxy_type: ProxyType::Any,
		delay: 0,
	};
	assert_ok!(call(by_alice(), add));
}

#[test]
fn transfer_is_stopped_when_in_safe_mode() {
	run(|| {
		delegate();
		assert_ok!(call(by_alice(), transfer()));
		enter();
		let before = (Balances::free_balance(alice()), Balances::free_balance(bob()));
		send_wrapped(transfer());
		assert_eq!((Balances::free_balance(alice()), Balances::free_balance(bob())), before);
	});
}

#[test]
fn claim_goes_through_when_in_safe_mode() {
	run(|| {
		enter();
		let nothing: DispatchError = pallet_attribution::Error::<Runtime>::NothingToClaim.into();
		assert_err!(call(by_alice(), claim()), nothing);
		assert_err!(call(by_alice(), pallet_utility::Call::batch_all { calls: vec![claim()] }), nothing);
	});
}

#[test]
fn validators_change_keys_and_blocks_go_on_when_in_safe_mode() {
	run(|| {
		enter();
		assert_ok!(call(by_alice(), pallet_session::Call::purge_keys {}));
		// Each block sets the time through the filter.
		pass(3);
	});
}

#[test]
fn safe_mode_ends_by_itself_when_nobody_extends_it() {
	run(|| {
		enter();
		pass(12 * HOURS);
		assert!(SafeMode::is_entered());
		pass(1);
		assert!(!SafeMode::is_entered());
		assert_ok!(call(by_alice(), transfer()));
	});
}

#[test]
fn safe_mode_ends_when_the_committee_or_root_says_so() {
	run(|| {
		for origin in [by_committee(), RuntimeOrigin::root()] {
			enter();
			assert_ok!(call(by_committee(), pallet_safe_mode::Call::force_extend {}));
			assert_ok!(call(origin, pallet_safe_mode::Call::force_exit {}));
			assert_ok!(call(by_alice(), transfer()));
		}
	});
}

#[test]
fn safe_mode_is_refused_when_an_account_tries_to_buy_it() {
	run(|| {
		let not_for_sale: DispatchError = pallet_safe_mode::Error::<Runtime>::NotConfigured.into();
		assert_noop!(call(by_alice(), pallet_safe_mode::Call::enter {}), not_for_sale);
		assert_noop!(call(by_alice(), pallet_safe_mode::Call::force_enter {}), DispatchError::BadOrigin);
		enter();
		assert_noop!(call(by_alice(), pallet_safe_mode::Call::extend {}), not_for_sale);
		assert_noop!(call(by_alice(), pallet_safe_mode::Call::force_exit {}), DispatchError::BadOrigin);
	});
}

#[test]
fn call_is_stopped_in_every_wrapper_when_paused() {
	run(|| {
		delegate();
		assert_ok!(call(by_committee(), pause("Balances", "transfer_keep_alive")));
		let before = (Balances::free_balance(alice()), Balances::free_balance(bob()));
		send_wrapped(transfer());
		assert_eq!((Balances::free_balance(alice()), Balances::free_balance(bob())), before);
		let other = pallet_balances::Call::transfer_allow_death { dest: MultiAddress::Id(bob()), value: TRB };
		assert_ok!(call(by_alice(), other));
		let ident = ident("Balances", "transfer_keep_alive");
		assert_ok!(call(by_committee(), pallet_tx_pause::Call::unpause { ident }));
		assert_ok!(call(by_alice(), transfer()));
	});
}

#[test]
fn pause_is_refused_when_an_account_asks() {
	run(|| {
		assert_noop!(call(by_alice(), pause("Balances", "transfer_keep_alive")), DispatchError::BadOrigin);
	});
}

#[test]
fn call_is_never_paused_when_blocks_or_decisions_need_it() {
	run(|| {
		let unpausable: DispatchError = pallet_tx_pause::Error::<Runtime>::Unpausable.into();
		let others = RuntimeCall::get_module_names().iter().filter(|name| !PAUSABLE.contains(name));
		let calls =
			others.flat_map(|pallet| RuntimeCall::get_call_names(pallet).iter().map(|name| (*pallet, *name)));
		for (pallet, name) in calls.chain(PUNISHING) {
			assert!(RuntimeCall::get_call_names(pallet).contains(&name), "there is no {pallet}.{name}");
			// Not even root can.
			for origin in [by_committee(), RuntimeOrigin::root()] {
				assert_err!(call(origin, pause(pallet, name)), unpausable);
			}
		}
	});
}

#[test]
fn pauses_are_lifted_when_all_that_can_be_paused_is() {
	run(|| {
		enter();
		for pallet in PAUSABLE {
			let names = RuntimeCall::get_call_names(pallet).iter();
			for name in names.filter(|name| !PUNISHING.contains(&(pallet, name))) {
				assert_ok!(call(by_committee(), pause(pallet, name)));
			}
		}
		assert_err!(call(by_alice(), transfer()), FILTERED);
		pass(2);
		let ident = ident("Balances", "transfer_keep_alive");
		// Safe mode has ended by itself when a referendum is carried out.
		let lift = pallet_tx_pause::Call::unpause { ident };
		carry_out(frame_system::RawOrigin::Root, lift);
		assert_ok!(call(by_alice(), transfer()));
	});
}

/// Pallets with calls that go on in safe mode, all or some, and that can not be paused: in lists of their own,
/// so that a new pallet is in none of them.
#[test]
fn pallets_are_classified_when_the_runtime_has_them() {
	let never_paused = [
		"System",
		"Timestamp",
		"Session",
		"Grandpa",
		"Sudo",
		"Utility",
		"Multisig",
		"Proxy",
		"Preimage",
		"Scheduler",
		"ConvictionVoting",
		"Referenda",
		"TechnicalCommittee",
		"SafeMode",
		"TxPause",
		"Parameters",
		"Delays",
	];
	for pallet in RuntimeCall::get_module_names() {
		let lists = [PAUSABLE.contains(pallet), never_paused.contains(pallet)];
		assert_eq!(lists.iter().filter(|is_in| **is_in).count(), 1, "{pallet}: may its calls be paused?");
	}
	for pallet in PAUSABLE.iter().chain(&never_paused) {
		assert!(RuntimeCall::get_module_names().contains(pallet), "{pallet} is not in the runtime");
	}
}

#[test]
fn channel_is_not_withdrawn_when_batches_are_paused() {
	run(|| {
		let withdraw = || pallet_attribution::Call::withdraw_channel { worker: bob() };
		let no_channel: DispatchError = pallet_attribution::Error::<Runtime>::NoChannel.into();
		assert_err!(call(by_alice(), withdraw()), no_channel);
		assert_ok!(call(by_committee(), pause("Attribution", "submit_batch")));
		assert_err!(call(by_alice(), withdraw()), FILTERED);
		let ident = ident("Attribution", "submit_batch");
		assert_ok!(call(by_committee(), pallet_tx_pause::Call::unpause { ident }));
		assert_err!(call(by_alice(), withdraw()), no_channel);
	});
}

#[test]
fn escrow_stays_and_what_was_served_is_settled_when_in_safe_mode() {
	let calls: [RuntimeCall; 4] = [
		pallet_attribution::Call::credit { worker: bob(), limit: 1 }.into(),
		pallet_attribution::Call::close_channel { worker: bob() }.into(),
		pallet_attribution::Call::withdraw_channel { worker: bob() }.into(),
		pallet_workers::Call::unbond {}.into(),
	];
	for call in calls {
		assert!(!SafeCalls::contains(&call), "{:?}", call.get_call_metadata());
	}
	assert!(SafeCalls::contains(&crate::largest::batch(1, 0)));
	let resolve = pallet_attribution::Call::resolve {
		worker: bob(),
		sequence: 0,
		verdict: tributary_primitives::batch::Verdict::Stand,
	};
	assert!(SafeCalls::contains(&resolve.into()));
}

#[test]
fn sudo_goes_through_when_in_safe_mode() {
	run(|| {
		enter();
		let exit = pallet_safe_mode::Call::force_exit {};
		assert_ok!(call(by_alice(), pallet_sudo::Call::sudo { call: Box::new(exit.into()) }));
		assert!(!SafeMode::is_entered());
	});
}
