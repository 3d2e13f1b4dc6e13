//! Versions of the parameters.

use super::*;
use tributary_primitives::{split::SplitTable, views::Parameters};

#[test]
fn parameters_are_the_genesis_ones_when_never_set() {
	run(|| {
		let parameters = Parameters { split: SplitTable::default(), platform_fee: PLATFORM_FEE };
		assert_eq!(Attribution::parameters(), (1, parameters));
		assert_eq!(Attribution::parameters_of(1), Some(parameters));
		assert_eq!(Attribution::parameters_of(2), None);
	});
}

#[test]
fn later_batches_use_the_new_parameters_when_set() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 9_000);
		let split = SplitTable { worker: 200_000, data: 350_000, ..Default::default() };
		let parameters = Parameters { split, platform_fee: 0 };
		assert_ok!(Attribution::set_parameters(RuntimeOrigin::root(), parameters));
		assert_eq!(last_event(), Event::ParametersSet { version: 2, parameters });
		settle(&mut worker, 9_000);
		let used = |sequence| Attribution::batch(OPERATOR, sequence).unwrap();
		assert_eq!((used(0).parameters, used(1).parameters), (1, 2));
		assert!(used(1).agents[0].data > used(0).agents[0].data);
	});
}

#[test]
fn set_parameters_is_refused_when_the_table_is_wrong_or_the_origin_is() {
	run(|| {
		let (_, good) = Attribution::parameters();
		assert_noop!(Attribution::set_parameters(signed(1), good), BadOrigin);
		let set = |split| Attribution::set_parameters(RuntimeOrigin::root(), Parameters { split, ..good });
		assert_noop!(set(SplitTable { data: 250_001, ..good.split }), Error::<Test>::InvalidSplit);
		let no_worker = SplitTable { worker: 0, data: 550_000, ..good.split };
		assert_noop!(set(no_worker), Error::<Test>::InvalidSplit);
	});
}
