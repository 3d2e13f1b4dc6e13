//! `tributary validator`: what validators and those who stake on them do on chain.

use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, OwnershipProof},
};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{json, Value};
use tributary_client::{
	chain::{Call, SessionKeys},
	Chain, ChainError,
};
use tributary_primitives::{
	views::{StakeView, ValidatorParametersView, ValidatorView},
	AccountId, Balance, Ppm, PPM,
};

/// Validators and their stakers: keys, bond, nominate, claim, leave.
#[derive(Debug, Subcommand)]
pub enum ValidatorCommand {
	/// Set session keys on chain for the key's account: those given, or new ones that the node makes.
	///
	/// With --keys and --proof any node of the network will do: deploy/session-keys.sh makes both on the validator's
	/// machine. Without them the node must be your validator itself, with unsafe RPC open to this machine.
	Keys {
		/// The public keys, 0x and 128 hex digits.
		#[arg(long, value_name = "HEX", value_parser = parse::session_keys, requires = "proof")]
		keys: Option<SessionKeys>,
		/// The proof that they are the account's, 0x and 256 hex digits.
		#[arg(long, value_name = "HEX", value_parser = parse::ownership_proof, requires = "keys")]
		proof: Option<OwnershipProof>,
	},
	/// Become a candidate: hold a bond and say which part of rewards you keep.
	Bond {
		/// The bond, TRB.
		#[arg(value_parser = parse::amount)]
		amount: Balance,
		/// Your part of your pool's rewards, before the rest is shared by stake: 0.1 is a tenth.
		#[arg(long, value_name = "FRACTION", value_parser = parse::fraction, default_value = "0.1")]
		commission: Ppm,
	},
	/// Stake on a candidate, yourself included.
	Nominate {
		/// The candidate.
		#[arg(value_parser = parse::account)]
		candidate: AccountId,
		/// How much, TRB.
		#[arg(value_parser = parse::amount)]
		amount: Balance,
	},
	/// Begin to take stake back; a candidate that takes all of its own is none any more.
	Unbond {
		/// The candidate [default: the key's account].
		#[arg(value_parser = parse::account)]
		candidate: Option<AccountId>,
		/// How much, TRB [default: all].
		#[arg(long, value_name = "TRB", value_parser = parse::amount)]
		amount: Option<Balance>,
	},
	/// Free stake whose delay is over.
	Withdraw {
		/// The candidate that it was with [default: the key's account].
		#[arg(value_parser = parse::account)]
		candidate: Option<AccountId>,
	},
	/// Stop standing for election; your stake stays.
	Chill,
	/// Stand for election again.
	Resume,
	/// Change your commission.
	Commission {
		/// Your part of rewards: 0.1 is a tenth.
		#[arg(value_parser = parse::fraction)]
		commission: Ppm,
	},
	/// Pay a staker its rewards [default: yours from each candidate that you stake on].
	Claim {
		/// From this candidate's pool only.
		#[arg(value_parser = parse::account)]
		candidate: Option<AccountId>,
		/// The staker [default: the key's account]; anyone may do it for anyone.
		#[arg(long, value_name = "ACCOUNT", value_parser = parse::account)]
		staker: Option<AccountId>,
	},
	/// Show a validator, and what the account has staked; all validators when no account is given.
	Show {
		/// The account.
		#[arg(value_parser = parse::account)]
		account: Option<AccountId>,
	},
}

impl ValidatorCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Keys { keys, proof } => set_keys(context, keys.zip(proof)).await,
			Self::Bond { amount, commission } => {
				let text = format!(
					"bonded {}. Next: `tributary validator show`; without session keys: deploy/session-keys.sh, then \
					 `tributary validator keys --keys … --proof …`",
					trb(amount)
				);
				context.submit_and_say(&Call::bond_validator(amount, commission), text).await
			}
			Self::Nominate { candidate, amount } => {
				let text = format!("staked {} on {}", trb(amount), address(&candidate));
				context.submit_and_say(&Call::nominate(candidate, amount), text).await
			}
			Self::Unbond { candidate, amount } => {
				let candidate = candidate.map_or_else(|| context.own_account(), Ok)?;
				let parameters = context.chain().await?.validator_parameters().await?;
				// It was counted for the next session too.
				let session =
					parameters.session.saturating_add(parameters.unbonding_sessions).saturating_add(1);
				let text =
					format!("unbonding: `tributary validator withdraw` works from session {session} on");
				context.submit_and_say(&Call::unbond_stake(candidate, amount), text).await
			}
			Self::Withdraw { candidate } => {
				let candidate = candidate.map_or_else(|| context.own_account(), Ok)?;
				context.submit_and_say(&Call::withdraw_stake(candidate), "the stake is free").await
			}
			Self::Chill => {
				let text = "you validate until the next session is over, then no more";
				context.submit_and_say(&Call::chill(), text).await
			}
			Self::Resume => context.submit_and_say(&Call::resume(), "you stand for election").await,
			Self::Commission { commission } => {
				let text = format!("the commission is {}", percent(commission));
				context.submit_and_say(&Call::set_commission(commission), text).await
			}
			Self::Claim { candidate, staker } => claim(context, candidate, staker).await,
			Self::Show { account } => match account {
				Some(account) => show(context.chain().await?, account).await,
				None => list(context.chain().await?).await,
			},
		}
	}
}

/// What `author_rotateKeysWithOwner` answers.
#[derive(Deserialize)]
struct RotatedKeys {
	keys: String,
	proof: String,
}

/// New keys inside the node, with the proof that they are the owner's.
async fn keys_of_node(chain: &Chain, owner: &AccountId) -> Result<(SessionKeys, OwnershipProof), Failure> {
	let rotated = chain.rpc("author_rotateKeysWithOwner", json!([hex32(owner)])).await;
	let RotatedKeys { keys, proof } = rotated.map_err(|error| match error {
		ChainError::Refused { reason, .. } => Failure::Refused(format!(
			"the node makes no session keys for this machine ({reason}). Make them on the validator's machine with \
			 deploy/session-keys.sh, and give what it prints with --keys and --proof"
		)),
		other => other.into(),
	})?;
	parse::session_keys(&keys).ok().zip(parse::ownership_proof(&proof).ok()).ok_or_else(|| {
		Failure::Usage(
			"the node made keys that this version does not know: use the command line of its release".into(),
		)
	})
}

async fn set_keys(
	context: &Context,
	given: Option<(SessionKeys, OwnershipProof)>,
) -> Result<Output, Failure> {
	let signer = context.signer()?;
	let (keys, proof) = match given {
		Some(given) => given,
		None => keys_of_node(context.chain().await?, &signer.account()).await?,
	};
	let included = context.submit_as(&Call::set_session_keys(keys, &proof), &signer).await?;
	let [aura, grandpa] = keys;
	let json = json!({ "aura": hex32(&aura), "grandpa": hex32(&grandpa), "included": included });
	let text = facts(&[("account", signer.address()), ("aura", hex32(&aura)), ("grandpa", hex32(&grandpa))]);
	Ok(Output::new(json, text + "in force with the second session from now; keep the old keys until then\n"))
}

async fn claim(
	context: &Context,
	candidate: Option<AccountId>,
	staker: Option<AccountId>,
) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let staker = staker.map_or_else(|| context.own_account(), Ok)?;
	let candidates: Vec<AccountId> = match candidate {
		Some(candidate) => vec![candidate],
		None => {
			let stake = chain.stake(staker).await?;
			stake.iter().filter(|stake| stake.claimable > 0).map(|stake| stake.candidate).collect()
		}
	};
	if candidates.is_empty() {
		return Err(Failure::Usage(format!("{} has no rewards to claim yet", address(&staker))));
	}
	let calls = candidates.iter().map(|candidate| Call::claim_stake(staker, *candidate)).collect();
	let included = context.submit(&Call::All(calls)).await?;
	let claimed = included.events.iter().filter(|event| event.is("Validators", "Claimed"));
	let amount: Balance = claimed.filter_map(|event| event.amount("amount")).sum();
	Ok(Output::new(
		json!({ "staker": address(&staker), "amount": amount.to_string(), "included": included }),
		format!("{} got {}", address(&staker), trb(amount)),
	))
}

async fn list(chain: &Chain) -> Result<Output, Failure> {
	let (all, parameters) = (chain.validators().await?, chain.validator_parameters().await?);
	let row = |view: &ValidatorView| {
		vec![
			address(&view.account),
			state(view).into(),
			trb(view.own),
			trb(view.stake),
			percent(view.commission),
			view.blocks.to_string(),
		]
	};
	let headings = ["validator", "state", "own>", "stake>", "commission>", "blocks>"];
	let text = format!(
		"session {}, of {} blocks; unbonding takes {} sessions\n\
		 {} to {} validators; the least bond is {}; a block's author gets {} of its transaction fees\n",
		parameters.session,
		parameters.session_blocks,
		parameters.unbonding_sessions,
		parameters.min_validators,
		parameters.max_validators,
		trb(parameters.min_bond),
		percent(parameters.author_share),
	);
	let json = json!({
		"parameters": parameters_json(&parameters),
		"validators": all.iter().map(validator_json).collect::<Vec<_>>(),
	});
	Ok(Output::new(json, text + &table(&headings, all.iter().map(row).collect())))
}

async fn show(chain: &Chain, account: AccountId) -> Result<Output, Failure> {
	let (view, stake) = (chain.validator(account).await?, chain.stake(account).await?);
	if view.is_none() && stake.is_empty() {
		return Err(Failure::Usage(format!(
			"{} neither validates nor stakes: see `tributary validator show`",
			address(&account)
		)));
	}
	let mut text = String::new();
	if let Some(view) = &view {
		let jailed = view.jailed_until.map_or("no".into(), |session| format!("until session {session}"));
		text += &facts(&[
			("validator", address(&account)),
			("state", state(view).into()),
			("session keys", if view.keys { "set" } else { "none: see deploy/session-keys.sh" }.into()),
			("own stake", trb(view.own)),
			("all stake", trb(view.stake)),
			("commission", percent(view.commission)),
			("jailed", jailed),
			("blocks", format!("{} in this session", view.blocks)),
		]);
	}
	let row = |stake: &StakeView| {
		let leaving =
			stake.leaving.iter().map(|(amount, session)| format!("{} from session {session}", trb(*amount)));
		vec![
			address(&stake.candidate),
			trb(stake.staked),
			trb(stake.claimable),
			trb(stake.slashed),
			leaving.collect::<Vec<_>>().join(", "),
		]
	};
	let headings = ["stake with", "worth>", "to claim>", "slashed>", "leaving"];
	let json = json!({
		"validator": view.as_ref().map(validator_json),
		"stake": stake.iter().map(stake_json).collect::<Vec<_>>(),
	});
	Ok(Output::new(json, text + &table(&headings, stake.iter().map(row).collect())))
}

/// Hundredths of a whole, with two decimals.
fn percent(ppm: Ppm) -> String {
	format!("{:.2} %", f64::from(ppm) * 100.0 / f64::from(PPM))
}

fn state(view: &ValidatorView) -> &'static str {
	match view {
		ValidatorView { disabled: true, .. } => "disabled",
		ValidatorView { elected: true, active: true, .. } => "validates",
		ValidatorView { elected: true, .. } => "validates, leaving",
		ValidatorView { active: true, keys: false, .. } => "stands, without session keys",
		ValidatorView { active: true, .. } => "stands",
		_ => "does not stand",
	}
}

fn validator_json(view: &ValidatorView) -> Value {
	json!({
		"account": address(&view.account),
		"own": view.own.to_string(),
		"stake": view.stake.to_string(),
		"commission": view.commission,
		"active": view.active,
		"keys": view.keys,
		"elected": view.elected,
		"disabled": view.disabled,
		"jailed_until": view.jailed_until,
		"blocks": view.blocks,
	})
}

fn stake_json(view: &StakeView) -> Value {
	let leaving: Vec<_> = view
		.leaving
		.iter()
		.map(|(amount, session)| json!({ "amount": amount.to_string(), "session": session }))
		.collect();
	json!({
		"candidate": address(&view.candidate),
		"staked": view.staked.to_string(),
		"claimable": view.claimable.to_string(),
		"slashed": view.slashed.to_string(),
		"leaving": leaving,
	})
}

fn parameters_json(view: &ValidatorParametersView) -> Value {
	json!({
		"session": view.session,
		"session_blocks": view.session_blocks,
		"unbonding_sessions": view.unbonding_sessions,
		"min_validators": view.min_validators,
		"max_validators": view.max_validators,
		"author_share": view.author_share,
		"min_bond": view.min_bond.to_string(),
		"min_nomination": view.min_nomination.to_string(),
		"max_commission": view.max_commission,
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn percent_has_two_decimals_when_shown() {
		assert_eq!(percent(123_400), "12.34 %");
	}
}
