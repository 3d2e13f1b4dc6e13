//! Runs that are killed, repeated and changed.

use std::{
	cell::RefCell,
	fs,
	path::Path,
	process::{Command, Stdio},
	rc::Rc,
	sync::Arc,
	time::{Duration, Instant},
};

use super::*;
use crate::{recipe::Recipe, tests::base_config, train_base, Silent, ADAPTER_WEIGHTS};

/// Set in the process that is killed.
const CHILD: &str = "TRIBUTARY_TEST_WORKFLOW";
const RECIPE: &str =
	"base_model: 0\ndatasets: [{datanet: 1}]\nsequence_len: 16\nmicro_batch_size: 2\nmax_steps: 60\n\
	save_steps: 5\nlora_r: 2\nlearning_rate: 0.01\nval_set_size: 0.2\n";

/// Names of steps that ran, and of those that were skipped.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
	fn take(&self) -> Vec<String> {
		std::mem::take(&mut self.0.borrow_mut())
	}
}

impl Progress for Log {
	fn begin(&mut self, _: &str, _: u64) {}
	fn step(&mut self, _: u64, _: &str) {}
	fn end(&mut self, _: &str) {}
}

impl Observer for Log {
	fn event(&mut self, event: Event<'_>) {
		let text = match event {
			Event::Skipped { name } => format!("skip {name}"),
			Event::Broken { name, reason } => format!("broken {name}: {reason}"),
			Event::Started { name } => format!("run {name}"),
			Event::Finished { .. } => return,
		};
		self.0.borrow_mut().push(text);
	}
}

/// Brings texts as a fetch does.
struct Fetch;

impl Step for Fetch {
	fn name(&self) -> &str {
		"fetch"
	}

	fn kind(&self) -> &'static str {
		"test-fetch"
	}

	fn settings(&self) -> Value {
		json!({ "snapshot": 1 })
	}

	fn inputs(&self) -> Vec<String> {
		Vec::new()
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![MEMBERS, CONTENT_DIR]
	}

	fn run(&mut self, place: &Place, _: &mut dyn Progress) -> Result<(), StepError> {
		fs::create_dir_all(place.folder.join(CONTENT_DIR))?;
		let mut members = Vec::new();
		for index in 0..10 {
			let text = format!("Item {index} is stored in the index before it is written. ").repeat(6);
			let content = blake3::hash(text.as_bytes()).to_hex().to_string();
			let member = Member {
				index,
				contributor: format!("who {}", index % 2),
				content,
				bytes: text.len() as u64,
			};
			fs::write(Fetched::content(&place.folder, &member), &text)?;
			members.push(member);
		}
		let dataset = Dataset { datanet: 1, snapshot: 1, root: "00".into(), private: false, members };
		Fetched { datasets: vec![dataset] }.save(&place.folder)
	}
}

/// Writes what its input's record says; breaks off the first time where it is told to.
struct Publish {
	breaks: bool,
	registered: Rc<RefCell<bool>>,
}

impl Step for Publish {
	fn name(&self) -> &str {
		"publish"
	}

	fn kind(&self) -> &'static str {
		"test-publish"
	}

	fn settings(&self) -> Value {
		json!({ "name": "adapter" })
	}

	fn inputs(&self) -> Vec<String> {
		vec!["train".into()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec!["published.json"]
	}

	fn holds(&self, _: &Path) -> Result<bool, StepError> {
		Ok(*self.registered.borrow())
	}

	fn run(&mut self, place: &Place, _: &mut dyn Progress) -> Result<(), StepError> {
		if self.breaks {
			return Err("the chain is away".into());
		}
		let weights = fs::read(place.input("train")?.join(ADAPTER_DIR).join(ADAPTER_WEIGHTS))?;
		fs::write(place.folder.join("published.json"), blake3::hash(&weights).to_hex().as_bytes())?;
		*self.registered.borrow_mut() = true;
		Ok(())
	}
}

fn steps(root: &Path, recipe: &str) -> Vec<Box<dyn Step>> {
	let recipe = Recipe::parse("test", recipe).expect("a recipe");
	let base = Base { folder: root.join("base"), content: "of the base".into(), asset: (0, 1) };
	let open = Arc::new(PlainText);
	vec![Box::new(Fetch), Box::new(TrainStep { recipe, base, open, data: "fetch".into() })]
}

fn with_publish(root: &Path, breaks: bool, registered: &Rc<RefCell<bool>>) -> Vec<Box<dyn Step>> {
	let mut steps = steps(root, RECIPE);
	steps.push(Box::new(Publish { breaks, registered: registered.clone() }));
	steps
}

fn run(root: &Path, work: &str, recipe: &str) -> (BTreeMap<String, PathBuf>, Vec<String>) {
	let mut log = Log::default();
	let workflow = Workflow::open(&root.join(work), "test").expect("work folder");
	let folders = workflow.run(&mut steps(root, recipe), None, &mut log).expect("finished");
	(folders, log.take())
}

fn weights(folders: &BTreeMap<String, PathBuf>) -> Vec<u8> {
	fs::read(folders["train"].join(ADAPTER_DIR).join(ADAPTER_WEIGHTS)).expect("weights")
}

fn base(root: &Path) {
	train_base(&base_config(root, "base"), &mut Silent).expect("base");
}

/// No test of its own: what [`adapter_is_equal_when_the_process_is_killed_in_training_and_between_steps`] kills.
#[test]
fn child_process_runs_when_it_is_told_to() {
	let Ok(root) = std::env::var(CHILD) else { return };
	run(Path::new(&root), "killed", RECIPE);
}

fn spawn(root: &Path) -> std::process::Child {
	let name = "workflow::tests::child_process_runs_when_it_is_told_to";
	Command::new(std::env::current_exe().expect("this test"))
		.args([name, "--exact", "--nocapture"])
		.env(CHILD, root)
		.stdout(Stdio::null())
		.stderr(Stdio::null())
		.spawn()
		.expect("a process")
}

fn step_folder(root: &Path, kind: &str) -> Option<PathBuf> {
	let entries = fs::read_dir(root.join("killed").join(STEPS_DIR)).ok()?;
	entries.flatten().map(|entry| entry.path()).find(|folder| {
		let label = fs::read(folder.join(STEP_FILE)).unwrap_or_default();
		serde_json::from_slice::<Value>(&label).is_ok_and(|label| label["name"] == kind)
	})
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
	let begun = Instant::now();
	while !there() {
		assert!(begun.elapsed() < Duration::from_secs(120), "{what} never came");
		std::thread::sleep(Duration::from_millis(2));
	}
}

#[test]
fn adapter_is_equal_when_the_process_is_killed_in_training_and_between_steps() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let (whole, log) = run(root.path(), "whole", RECIPE);
	assert_eq!(log, ["run fetch", "run train"]);

	// After the fetch, before the training has a checkpoint.
	let mut child = spawn(root.path());
	wait_for("the fetch", || {
		step_folder(root.path(), "fetch").is_some_and(|folder| folder.join("done.json").exists())
	});
	child.kill().expect("SIGKILL");
	child.wait().expect("ended");
	// In the training, with a checkpoint.
	let mut child = spawn(root.path());
	wait_for("a checkpoint", || {
		step_folder(root.path(), "train")
			.is_some_and(|folder| folder.join(ADAPTER_DIR).join(crate::CHECKPOINT).exists())
	});
	child.kill().expect("SIGKILL");
	child.wait().expect("ended");
	let train = step_folder(root.path(), "train").expect("begun");
	assert!(!train.join("done.json").exists(), "it was killed before its end");
	let status = Status::read(&root.path().join("killed")).expect("status");
	assert!(!status.running && status.steps[1].state == State::Running, "{status:?}");

	let (resumed, log) = run(root.path(), "killed", RECIPE);
	assert_eq!(log, ["skip fetch", "run train"]);
	assert!(weights(&whole) == weights(&resumed));
	assert_eq!(whole["train"].file_name(), resumed["train"].file_name(), "the same key");
	let status = Status::read(&root.path().join("killed")).expect("status");
	assert!(status.steps.iter().all(|step| step.state == State::Done && step.seconds.is_some()));
}

#[test]
fn only_changed_steps_are_done_again_when_a_setting_changes() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let (first, _) = run(root.path(), "work", RECIPE);
	assert_eq!(run(root.path(), "work", RECIPE).1, ["skip fetch", "skip train"]);
	let changed = RECIPE.replace("learning_rate: 0.01", "learning_rate: 0.02");
	let (second, log) = run(root.path(), "work", &changed);
	assert_eq!(log, ["skip fetch", "run train"]);
	assert!(weights(&first) != weights(&second));
	assert_eq!(
		run(root.path(), "work", RECIPE).1,
		["skip fetch", "skip train"],
		"the old one is still there"
	);
}

#[test]
fn step_is_done_again_when_its_output_was_changed_or_is_gone() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let (folders, _) = run(root.path(), "work", RECIPE);
	let path = folders["train"].join(ADAPTER_DIR).join(ADAPTER_WEIGHTS);
	let good = fs::read(&path).expect("weights");
	let mut bad = good.clone();
	*bad.last_mut().expect("bytes") ^= 1;
	fs::write(&path, bad).expect("changed");
	let (_, log) = run(root.path(), "work", RECIPE);
	assert_eq!(
		log[1..],
		[format!("broken train: {ADAPTER_DIR}/{ADAPTER_WEIGHTS} has changed"), "run train".into()]
	);
	assert!(fs::read(&path).expect("weights") == good);

	fs::remove_file(folders["fetch"].join(MEMBERS)).expect("removed");
	let (_, log) = run(root.path(), "work", RECIPE);
	assert!(log[0].starts_with("broken fetch: members.json") && log[1] == "run fetch", "{log:?}");
	assert_eq!(log[2], "skip train", "the same texts came again");
	fs::write(folders["train"].join("done.json"), "{").expect("cut");
	assert!(run(root.path(), "work", RECIPE).1[1].starts_with("broken train: done.json"));
}

#[test]
fn run_goes_on_when_a_step_failed_or_what_it_registered_is_gone() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let registered = Rc::new(RefCell::new(false));
	let workflow = Workflow::open(&root.path().join("work"), "test").expect("work folder");
	let mut log = Log::default();
	let failed = workflow.run(&mut with_publish(root.path(), true, &registered), None, &mut log);
	let error = failed.expect_err("the chain is away");
	assert!(matches!(&error, WorkflowError::Step { name, .. } if name == "publish"), "{error}");
	let status = Status::read(&root.path().join("work")).expect("status");
	assert_eq!(status.steps[2].state, State::Failed);
	assert!(status.running && status.steps[2].error.as_deref().is_some_and(|text| text.contains("away")));
	log.take();
	workflow.run(&mut with_publish(root.path(), false, &registered), None, &mut log).expect("finished");
	assert_eq!(log.take(), ["skip fetch", "skip train", "run publish"]);
	workflow.run(&mut with_publish(root.path(), false, &registered), None, &mut log).expect("finished");
	assert_eq!(log.take(), ["skip fetch", "skip train", "skip publish"]);
	*registered.borrow_mut() = false;
	workflow.run(&mut with_publish(root.path(), false, &registered), None, &mut log).expect("finished");
	assert_eq!(log.take()[2..], ["broken publish: what it registered is not there", "run publish"]);
}

#[test]
fn run_ends_after_the_named_step_and_refuses_one_that_is_not_there() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let workflow = Workflow::open(&root.path().join("work"), "test").expect("work folder");
	let mut log = Log::default();
	workflow.run(&mut steps(root.path(), RECIPE), Some("fetch"), &mut log).expect("finished");
	assert_eq!(log.take(), ["run fetch"]);
	let error =
		workflow.run(&mut steps(root.path(), RECIPE), Some("bake"), &mut log).expect_err("no such step");
	assert!(error.to_string().contains("fetch, train"), "{error}");
	let mut reversed = steps(root.path(), RECIPE);
	reversed.reverse();
	assert!(matches!(workflow.run(&mut reversed, None, &mut log), Err(WorkflowError::Order { .. })));
}

#[test]
fn adapter_holds_nothing_else_when_a_kill_left_a_checkpoint_beside_it() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let (folders, _) = run(root.path(), "work", RECIPE);
	let adapter = folders["train"].join(ADAPTER_DIR);
	fs::remove_file(folders["train"].join("done.json")).expect("unfinished");
	for name in [crate::CHECKPOINT, "training.json.part"] {
		fs::write(adapter.join(name), "left").expect("left");
	}
	assert_eq!(run(root.path(), "work", RECIPE).1, ["skip fetch", "run train"]);
	let mut names: Vec<String> = fs::read_dir(&adapter)
		.expect("adapter")
		.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
		.collect();
	names.sort();
	assert_eq!(names, [crate::ADAPTER_CONFIG, ADAPTER_WEIGHTS, "lineage.json", crate::RECORD]);
}

#[test]
fn contributors_are_left_out_one_by_one_when_a_recipe_asks_for_it() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let text = RECIPE.to_owned()
		+ "evaluation: [{benchmark: {datanet: 9}, metrics: [perplexity]}]\n\
		   ablation: {leave_out: contributors, method: retrain, repeats: 2, max_steps: 10}\n";
	let recipe = Recipe::parse("test", &text).expect("a recipe");
	let base = Base { folder: root.path().join("base"), content: "of the base".into(), asset: (0, 1) };
	let mut steps = steps(root.path(), &text);
	// The training texts stand in for a benchmark here.
	steps.push(Box::new(AblateStep {
		ablation: recipe.ablation.clone().expect("asked for"),
		recipe,
		base,
		prompts: vec![],
		open: Arc::new(PlainText),
		data: "fetch".into(),
		benchmarks: "fetch".into(),
	}));
	let workflow = Workflow::open(&root.path().join("work"), "test").expect("work folder");
	let folders = workflow.run(&mut steps, None, &mut Silent).expect("finished");
	let bytes = fs::read(folders["ablate"].join(ABLATION_REPORT)).expect("report");
	let report = crate::ablation::Report::parse(&bytes).expect("report");
	assert_eq!(
		(report.leave_out.as_str(), report.method.as_str(), report.repeats),
		("contributors", "retrain", 2)
	);
	assert_eq!(report.steps, Some(10));
	let mut names: Vec<&str> = report.losses.iter().map(|loss| loss.without.name.as_str()).collect();
	names.sort_unstable();
	assert_eq!(names, ["who 0", "who 1"]);
	for loss in &report.losses {
		assert!(
			loss.items == 10 && loss.without.share.is_some_and(|share| (share - 0.5).abs() < 0.01),
			"{loss:?}"
		);
		assert!(loss.lost.low <= loss.lost.mean && loss.lost.mean <= loss.lost.high);
	}
	let trainings = fs::read_dir(folders["ablate"].join("trainings")).expect("trainings").count();
	assert_eq!(trainings, 6, "everything, and each contributor left out, with two seeds");
}

#[test]
fn ablation_is_refused_before_it_trains_when_nothing_would_be_left() {
	let root = tempfile::tempdir().expect("temporary folder");
	let text = RECIPE.to_owned()
		+ "evaluation: [{benchmark: {datanet: 9}, metrics: [perplexity]}]\n\
		   ablation: {leave_out: contributors, method: retrain}\n";
	let recipe = Recipe::parse("test", &text).expect("a recipe");
	let member = Member { index: 0, contributor: "who".into(), content: "00".into(), bytes: 4 };
	let dataset =
		Dataset { datanet: 1, snapshot: 1, root: "00".into(), private: false, members: vec![member] };
	Fetched { datasets: vec![dataset] }.save(root.path()).expect("fetched");
	let mut step = AblateStep {
		ablation: recipe.ablation.clone().expect("asked for"),
		recipe,
		base: Base { folder: root.path().join("base"), content: "of the base".into(), asset: (0, 1) },
		prompts: vec![],
		open: Arc::new(PlainText),
		data: "fetch".into(),
		benchmarks: "fetch".into(),
	};
	let inputs = ["fetch", "train"].map(|name| (name.to_owned(), root.path().to_owned()));
	let place = Place { folder: root.path().join("ablate"), inputs: inputs.into() };
	let error = step.run(&place, &mut Silent).expect_err("one contributor");
	assert!(error.to_string().starts_with("without who: nothing would be left"), "{error}");
}

#[test]
fn training_is_another_when_the_same_base_is_another_asset() {
	let recipe = Recipe::parse("test", RECIPE).expect("a recipe");
	let settings = |asset| {
		let base = Base { folder: "base".into(), content: "of the base".into(), asset };
		TrainStep { recipe: recipe.clone(), base, open: Arc::new(PlainText), data: "fetch".into() }.settings()
	};
	assert_eq!(settings((0, 1)), settings((0, 1)));
	assert_ne!(settings((0, 1)), settings((5, 1)));
}

#[test]
fn only_what_the_last_run_needed_is_kept_when_a_work_folder_is_cleaned() {
	let root = tempfile::tempdir().expect("temporary folder");
	base(root.path());
	let (first, _) = run(root.path(), "work", RECIPE);
	let changed = RECIPE.replace("learning_rate: 0.01", "learning_rate: 0.02");
	let (second, _) = run(root.path(), "work", &changed);
	let notes = root.path().join("work").join(STEPS_DIR).join("notes");
	fs::create_dir(&notes).expect("no step");
	let workflow = Workflow::open(&root.path().join("work"), "test").expect("work folder");
	assert_eq!(workflow.clean().expect("cleaned"), 1);
	assert!(!first["train"].exists() && notes.exists());
	assert!(second.values().all(|folder| folder.exists()));
	assert_eq!(workflow.clean().expect("cleaned"), 0);

	workflow.run(&mut steps(root.path(), &changed), Some("fetch"), &mut Silent).expect("a part");
	let error = workflow.clean().expect_err("the training may be needed");
	assert!(matches!(error, WorkflowError::Unfinished(_)), "{error}");
	assert!(second["train"].exists());
}

#[test]
fn work_folder_is_refused_when_another_run_has_it() {
	let root = tempfile::tempdir().expect("temporary folder");
	let _first = Workflow::open(root.path(), "one").expect("free");
	let error = Workflow::open(root.path(), "two").expect_err("in use");
	assert!(matches!(error, WorkflowError::Locked(_)) && error.to_string().contains("--work"), "{error}");
}

#[test]
fn private_text_is_refused_when_nothing_can_open_it() {
	let dataset = Dataset { datanet: 4, snapshot: 1, root: String::new(), private: true, members: vec![] };
	let error = PlainText.open(&dataset, b"sealed".to_vec()).expect_err("private");
	assert!(error.to_string().contains("DataNet 4 is private"), "{error}");
}
