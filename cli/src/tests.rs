//! Arguments, exit codes and what needs no chain.

#[path = "../../client/tests/golden/mod.rs"]
mod golden;

use super::*;
use clap::CommandFactory;
use golden::Golden;
use std::path::Path;

const SESSION_KEYS: &str =
	"0x11111111111111111111111111111111111111111111111111111111111111112222222222222222222222222222222222222222222222222222222222222222";

/// A port where nobody listens.
const NOBODY: &str = "ws://127.0.0.1:9";

fn parsed(arguments: &[&str]) -> Result<Cli, clap::Error> {
	Cli::try_parse_from(std::iter::once("tributary").chain(arguments.iter().copied()))
}

async fn run_in(home: &Path, arguments: &[&str]) -> Result<Output, Failure> {
	let mut cli = parsed(arguments).unwrap();
	cli.global.home = Some(home.into());
	cli.global.node = vec![NOBODY.into()];
	if cli.global.password_file.is_none() {
		cli.global.password = Some("secret".into());
	}
	run(cli).await
}

async fn code_of(arguments: &[&str]) -> u8 {
	let home = tempfile::tempdir().unwrap();
	run_in(home.path(), arguments).await.unwrap_err().code()
}

#[test]
fn command_tree_is_consistent_when_built() {
	Cli::command().debug_assert();
}

#[test]
fn help_tells_the_exit_codes_when_asked() {
	let help = Cli::command().render_long_help().to_string();
	assert!(help.contains("Exit codes:") && help.contains("a check found something wrong"));
}

#[test]
fn every_command_has_help_when_listed() {
	fn check(command: &clap::Command) {
		for inner in command.get_subcommands() {
			assert!(inner.get_about().is_some(), "{} has no help", inner.get_name());
			for argument in inner.get_arguments() {
				assert!(
					argument.get_help().is_some(),
					"{} {} has no help",
					inner.get_name(),
					argument.get_id()
				);
			}
			check(inner);
		}
	}
	check(&Cli::command());
}

#[tokio::test]
async fn exit_code_is_2_when_arguments_are_wrong() {
	let wrong: [&[&str]; 16] = [
		&[],
		&["nonsense"],
		&["pay", "nobody", "1"],
		&["pay", "//Alice"],
		&["deposit", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "1,5"],
		&["datanet", "add", "0", "folder"],
		&["datanet", "create", "name", "--policy", "secret"],
		&["datanet", "review", "0", "--reject", "3"],
		&[
			"adapter",
			"evaluate",
			"1",
			"--benchmark",
			"0",
			"--metric",
			"perplexity",
			"--score",
			"good",
			"--report",
			"r",
		],
		&["adapter", "evaluate", "1", "--metric", "perplexity", "--score", "1", "--report", "r"],
		&["asset", "attach", "1", "--kind", "poem", "file"],
		&["agent", "compose", "name"],
		&["claim", "--vault", "nothing"],
		&["trail", "asset", "x"],
		&["validator", "keys", "--keys", SESSION_KEYS],
		&["validator", "keys", "--keys", SESSION_KEYS, "--proof", "0x00"],
	];
	for arguments in wrong {
		let all = std::iter::once("tributary").chain(arguments.iter().copied()).map(OsString::from);
		assert_eq!(
			format!("{:?}", main_with(all).await),
			format!("{:?}", ExitCode::from(2)),
			"{arguments:?}"
		);
	}
}

#[tokio::test]
async fn exit_code_is_0_when_help_or_version_is_asked_for() {
	for argument in ["--help", "--version"] {
		let all = ["tributary", argument].map(OsString::from);
		assert_eq!(format!("{:?}", main_with(all).await), format!("{:?}", ExitCode::SUCCESS));
	}
}

#[tokio::test]
async fn exit_code_is_2_when_no_key_is_named_or_known() {
	assert_eq!(code_of(&["key", "show", "nobody"]).await, 2);
	assert_eq!(code_of(&["balance", "--key", "nobody"]).await, 2);
	assert_eq!(code_of(&["trail"]).await, 2);
	assert_eq!(code_of(&["trail", "0xab"]).await, 2);
}

#[tokio::test]
async fn exit_code_is_3_when_no_node_answers() {
	for arguments in [
		&["status"][..],
		&[
			"pay",
			"0x0101010101010101010101010101010101010101010101010101010101010101",
			"1",
			"--key",
			"//Alice",
		],
	] {
		assert_eq!(code_of(arguments).await, 3, "{arguments:?}");
	}
}

#[tokio::test]
async fn exit_code_is_3_when_no_worker_answers() {
	assert_eq!(code_of(&["trail", "0xab", "--worker", "http://127.0.0.1:9"]).await, 3);
}

#[tokio::test]
async fn exit_code_is_5_when_the_store_is_no_place() {
	let cli = parsed(&["--store", "ftp://host/x", "status"]).unwrap();
	let failure = Context::new(cli.global).unwrap().store().unwrap_err();
	assert_eq!(failure.code(), 5);
}

#[tokio::test]
async fn key_is_made_listed_and_shown_when_named() {
	let home = tempfile::tempdir().unwrap();
	let made = run_in(home.path(), &["key", "new", "alice"]).await.unwrap();
	assert_eq!(made.json["mnemonic"].as_str().unwrap().split(' ').count(), 12);
	let shown = run_in(home.path(), &["key", "show", "alice"]).await.unwrap();
	assert_eq!(shown.json["address"], made.json["address"]);
	let listed = run_in(home.path(), &["key", "list"]).await.unwrap();
	assert_eq!(listed.json[0]["name"], "alice");
	let again = run_in(home.path(), &["key", "new", "alice"]).await.unwrap_err();
	assert_eq!(again.code(), 2);
}

#[tokio::test]
async fn exit_code_is_6_when_the_password_is_wrong() {
	let home = tempfile::tempdir().unwrap();
	run_in(home.path(), &["key", "new", "alice"]).await.unwrap();
	let password = home.path().join("password");
	std::fs::write(&password, "wrong\n").unwrap();
	let mut cli = parsed(&["status", "--key", "alice"]).unwrap();
	(cli.global.home, cli.global.password_file) = (Some(home.path().into()), Some(password));
	assert_eq!(Context::new(cli.global).unwrap().signer().unwrap_err().code(), 6);
}

#[tokio::test]
async fn key_of_polkadot_js_opens_when_imported() {
	let home = tempfile::tempdir().unwrap();
	let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../client/tests/fixtures/polkadot-js.json");
	run_in(home.path(), &["key", "import", "fixture", "--file", file]).await.unwrap();
	let mut cli = parsed(&["status", "--key", "fixture"]).unwrap();
	(cli.global.home, cli.global.password) = (Some(home.path().into()), Some("fixture password".into()));
	let signer = Context::new(cli.global).unwrap().signer().unwrap();
	assert_eq!(signer.account(), tributary_client::Keypair::from_uri("//Alice//fixture").unwrap().account());
}

#[tokio::test]
async fn proxy_is_refused_when_others_could_reach_it_without_a_key() {
	let arguments = ["proxy", "--worker", "http://127.0.0.1:9", "--listen", "0.0.0.0:0", "--key", "//Alice"];
	assert_eq!(code_of(&arguments).await, 2);
}

#[tokio::test]
async fn training_is_refused_when_its_settings_cannot_be_read() {
	let home = tempfile::tempdir().unwrap();
	let config = home.path().join("config.json");
	std::fs::write(&config, "{}").unwrap();
	let failure = run_in(home.path(), &["train-base", config.to_str().unwrap()]).await.unwrap_err();
	assert_eq!(failure.code(), 1);
	assert!(failure.to_string().contains("config.json"));
}

#[test]
fn password_is_no_argument_when_given_as_one() {
	assert!(parsed(&["--password", "secret", "status"]).is_err());
}

#[test]
fn claim_carries_the_golden_proof_when_built() {
	use codec::{DecodeAll, Encode};
	use tributary_client::chain::Call;
	let bytes = Golden::load("earnings-proof").scale();
	let proof = tributary_primitives::merkle_sum::SumProof::decode_all(&mut bytes.as_slice()).unwrap();
	let Call::One { arguments, .. } = Call::claim_earnings([3; 32], 4_001, &proof) else {
		panic!("a claim is one call")
	};
	assert_eq!(arguments, [[3u8; 32].encode(), 4_001u128.encode(), bytes].concat());
}

#[test]
fn order_header_is_the_golden_one_when_the_proxy_reads_it_back() {
	use codec::{DecodeAll, Encode};
	use tributary_client::voucher::{order_from_header, to_header};
	let golden = Golden::load("order");
	let bytes = golden.scale();
	let order = tributary_primitives::request::SignedOrder::decode_all(&mut bytes.as_slice()).unwrap();
	let read = order_from_header(&to_header(&order)).unwrap();
	assert_eq!(read.encode(), bytes);
	assert_eq!(read.order.id().to_vec(), golden.digest("id"));
}
