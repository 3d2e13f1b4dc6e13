//! Tests of every call and every error.

mod bond;
mod register;

use crate::{mock::*, Endpoint, Error, Event, Models};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::Balance;

fn endpoint(url: &str) -> Endpoint {
	url.as_bytes().to_vec().try_into().unwrap()
}

fn models(ids: &[u32]) -> Models {
	ids.to_vec().try_into().unwrap()
}

fn register(operator: AccountId32, key: AccountId32, bond: Balance) -> DispatchResult {
	let url = endpoint("https://worker.example:8443");
	Workers::register(RuntimeOrigin::signed(operator), key, url, models(&[1, 2]), bond)
}

fn last_event() -> Event<Test> {
	match System::events().pop().unwrap().event {
		RuntimeEvent::Workers(event) => event,
		other => panic!("not an event of this pallet: {other:?}"),
	}
}
