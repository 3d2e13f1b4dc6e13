//! Leaving out data that matters and data that does not.

use super::*;
use crate::{
	evaluation::{read_items, Contribution},
	tests::{adapter_config, base_config},
	train_adapter, train_base, Silent,
};

fn trial() -> Trial {
	let contribution = |index: u32| Contribution {
		index,
		text: format!(
			"Item {index} is stored in the index before it is written. The index keeps item {index}."
		),
	};
	let contributions: Vec<_> = (6..12).map(contribution).collect();
	Trial {
		benchmark: Benchmark { datanet: 9, snapshot: 1, root: "00".into() },
		items: read_items(&contributions).expect("items"),
		metrics: vec![Metric::Perplexity],
		settings: Settings::default(),
	}
}

const PLAN: Plan<'_> = Plan {
	leave_out: "adapters",
	method: "drop",
	repeats: 1,
	steps: None,
	device: DeviceChoice::Cpu,
	seed: 1,
};

fn left(name: &str) -> Left {
	Left { name: name.into(), share: None }
}

/// The first thing is the adapter, the second is one of no strength.
struct Drop(Subject);

impl Variants for Drop {
	fn subject(
		&mut self,
		without: Option<usize>,
		_: usize,
		_: &mut dyn Progress,
	) -> Result<Subject, Box<dyn std::error::Error + Send + Sync>> {
		let mut subject = self.0.clone();
		if let Some(index) = without {
			if index > 1 {
				return Err("there is no such thing".into());
			}
			subject.adapters.remove(index);
		}
		Ok(subject)
	}
}

#[test]
fn loss_excludes_zero_when_the_part_matters_and_includes_it_when_it_does_not() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let config = adapter_config(root.path(), "base", "adapter");
	train_adapter(&config, &mut Silent).expect("adapter");
	let adapters = vec![(config.out_dir.clone(), 1.0), (config.out_dir.clone(), 0.0)];
	let mut variants = Drop(Subject { base: config.base_dir, adapters, prompts: vec![] });
	let things = [left("useful"), left("idle")];
	let report = ablate(PLAN, &things, &[trial()], &mut variants, &mut Silent).expect("report");
	let [first, second] = report.losses.as_slice() else { panic!("{report:?}") };
	assert_eq!((first.without.name.as_str(), second.without.name.as_str()), ("useful", "idle"));
	assert!(first.lost.low > 0.0 && !first.may_be_chance(), "{first:?}");
	assert!((first.score_without - first.score_with - first.lost.mean).abs() < 1e-9);
	assert!(second.lost.mean == 0.0 && second.may_be_chance(), "{second:?}");
	assert_eq!(Report::parse(&report.to_bytes()).expect("parsed"), report);

	let things = [left("a"), left("b"), left("c")];
	let error = ablate(PLAN, &things, &[trial()], &mut variants, &mut Silent).expect_err("no such variant");
	assert!(error.to_string().starts_with("c: "), "{error}");
	let none = ablate(PLAN, &[], &[trial()], &mut variants, &mut Silent);
	assert!(matches!(none, Err(AblationError::Count(0))));
}
