//! Transaction fees: what things cost, and where the fees go.

use crate::common::{alice, bob, genesis};
use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		assert_ok,
		dispatch::GetDispatchInfo,
		traits::fungible::{Balanced, Inspect},
		weights::Weight,
	},
	frame_system, pallet_balances,
	sp_keyring::Sr25519Keyring,
	sp_runtime::MultiAddress,
};
use tributary_runtime::{
	configs::Treasury, constants::*, testing, AccountId, Balance, Balances, Executive, Runtime, RuntimeCall,
	System, TransactionPayment, UncheckedExtrinsic,
};

/// Alice's first transaction.
fn signed(call: RuntimeCall) -> UncheckedExtrinsic {
	testing::signed(&Sr25519Keyring::Alice.pair(), 0, 0, call)
}

fn transfer(value: Balance) -> RuntimeCall {
	RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: MultiAddress::Id(bob()), value })
}

/// A chain in its first block.
fn in_block(test: impl FnOnce()) {
	genesis("development").execute_with(|| {
		System::set_block_number(1);
		// What the transaction extensions check against, as `initialize_block` leaves it.
		frame_system::BlockHash::<Runtime>::insert(0, System::parent_hash());
		test()
	})
}

#[test]
fn transfer_costs_a_thousandth_trb_at_most_when_blocks_are_empty() {
	in_block(|| {
		let extrinsic = signed(transfer(TRB));
		let info = extrinsic.get_dispatch_info();
		let fee = TransactionPayment::compute_fee(extrinsic.encoded_size() as u32, &info, 0);
		assert!(fee > 100 * MICRO_TRB && fee < MILLI_TRB, "{fee} planck");
	});
}

#[test]
fn block_costs_about_two_trb_when_full() {
	genesis("development").execute_with(|| {
		let fee = TransactionPayment::weight_to_fee(BLOCK_WEIGHT);
		assert_eq!(fee, 2 * TRB);
		assert_eq!(TransactionPayment::length_to_fee(1_000), 1_000 * BYTE_FEE);
		assert_eq!(TransactionPayment::weight_to_fee(Weight::zero()), 0);
	});
}

#[test]
fn fee_goes_to_the_treasury_when_a_transaction_is_applied() {
	in_block(|| {
		let account = |who: AccountId| Balances::free_balance(who);
		let (payer, payee, treasury) = (account(alice()), account(bob()), account(Treasury::get()));
		let issued = <Balances as Inspect<AccountId>>::total_issuance();
		let outcome = Executive::apply_extrinsic(signed(transfer(TRB)));
		assert_ok!(outcome.expect("the transaction is valid"));
		let fee = payer - TRB - account(alice());
		assert!(fee > 0);
		assert_eq!(account(bob()), payee + TRB);
		assert_eq!(account(Treasury::get()), treasury + fee);
		assert_eq!(<Balances as Inspect<AccountId>>::total_issuance(), issued);
	});
}

#[test]
fn transaction_is_refused_when_replayed() {
	in_block(|| {
		let extrinsic = signed(transfer(TRB));
		assert!(Executive::apply_extrinsic(extrinsic.clone()).is_ok());
		assert!(Executive::apply_extrinsic(extrinsic).is_err());
	});
}

#[test]
fn dust_goes_to_the_treasury_when_an_account_is_reaped() {
	in_block(|| {
		let poor = AccountId::new([7; 32]);
		let minted = <Balances as Balanced<AccountId>>::issue(EXISTENTIAL_DEPOSIT);
		assert_ok!(<Balances as Balanced<AccountId>>::resolve(&poor, minted).map_err(drop));
		let treasury = Balances::free_balance(Treasury::get());
		let call = pallet_balances::Call::<Runtime>::transfer_allow_death {
			dest: MultiAddress::Id(bob()),
			value: EXISTENTIAL_DEPOSIT - 1,
		};
		use polkadot_sdk::frame_support::traits::UnfilteredDispatchable;
		assert_ok!(call.dispatch_bypass_filter(tributary_runtime::RuntimeOrigin::signed(poor.clone())));
		assert_eq!(Balances::free_balance(poor), 0);
		assert_eq!(Balances::free_balance(Treasury::get()), treasury + 1);
	});
}
