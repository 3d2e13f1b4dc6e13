//! `tributary grant`: who may use a private DataNet, and for what.

use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, no_datanet},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{json, Value};
use tributary_client::{
	chain::{Call, MAX_PAGE},
	private::{
		owner_keys, parse_recipient, purpose_name, purpose_word, recipient_text, DataNetKeys, Identity,
	},
	Chain, Keypair,
};
use tributary_primitives::{
	views::{AccessView, GrantView, RequestView},
	AccountId, Balance, DataNetId, Purpose,
};

/// What for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PurposeArgument {
	/// Training adapters on it.
	Train,
	/// Retrieving from it for answers.
	Retrieve,
}

impl From<PurposeArgument> for Purpose {
	fn from(argument: PurposeArgument) -> Self {
		match argument {
			PurposeArgument::Train => Self::Train,
			PurposeArgument::Retrieve => Self::Retrieve,
		}
	}
}

/// Grants to use private DataNets: ask, give, refuse, revoke.
#[derive(Debug, Subcommand)]
pub enum GrantCommand {
	/// Show the recipient that follows from the key: whom capsules for its account are encrypted to.
	Recipient,
	/// Say on chain whom capsules for the key's account are encrypted to.
	Announce {
		/// Another recipient (age1...), whose identity you keep [default: the one that follows from the key].
		#[arg(long, value_name = "RECIPIENT")]
		recipient: Option<String>,
	},
	/// Ask for a grant; its price is held until the owner decides. Announces the key's recipient if need be.
	Request {
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
		/// Most that it may cost, TRB [default: the price now].
		#[arg(long, value_name = "TRB", value_parser = parse::amount)]
		at_most: Option<Balance>,
	},
	/// Take a request back, and its price.
	Withdraw {
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
	},
	/// List a DataNet's open requests and the grants that stand.
	List {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// Grant, with the DataNet's keys encrypted to the grantee; for its owner. Again for a new capsule.
	Give {
		/// The DataNet.
		datanet: DataNetId,
		/// Whom.
		#[arg(value_parser = parse::account)]
		grantee: AccountId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
	},
	/// Refuse a request: its price goes back; for the owner.
	Refuse {
		/// The DataNet.
		datanet: DataNetId,
		/// Whose.
		#[arg(value_parser = parse::account)]
		grantee: AccountId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
	},
	/// Take a grant back at once; for the owner.
	Revoke {
		/// The DataNet.
		datanet: DataNetId,
		/// Whose.
		#[arg(value_parser = parse::account)]
		grantee: AccountId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
	},
	/// Give one's grant up.
	Renounce {
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
	},
}

impl GrantCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Recipient => {
				let signer = context.signer()?;
				let identity = Identity::of_account(&signer, &context.chain().await?.genesis());
				let text = recipient_text(&identity.recipient());
				Ok(Output::new(json!({ "account": signer.address(), "recipient": text }), text))
			}
			Self::Announce { recipient } => {
				let signer = context.signer()?;
				let recipient = match recipient {
					Some(text) => parse_recipient(&text).map_err(|e| Failure::Usage(e.to_string()))?,
					None => Identity::of_account(&signer, &context.chain().await?.genesis()).recipient(),
				};
				let text = format!(
					"capsules for {} are encrypted to {}",
					signer.address(),
					recipient_text(&recipient)
				);
				let included = context.submit_as(&Call::announce(recipient), &signer).await?;
				Ok(Output::new(
					json!({ "recipient": recipient_text(&recipient), "included": included }),
					text,
				))
			}
			Self::Request { datanet, purpose, at_most } => {
				request(context, datanet, purpose.into(), at_most).await
			}
			Self::Withdraw { datanet, purpose } => {
				let text =
					format!("the request to {} DataNet {datanet} is withdrawn", purpose_name(purpose.into()));
				context.submit_and_say(&Call::withdraw_request(datanet, purpose.into()), text).await
			}
			Self::List { datanet } => list(context.chain().await?, datanet).await,
			Self::Give { datanet, grantee, purpose } => give(context, datanet, grantee, purpose.into()).await,
			Self::Refuse { datanet, grantee, purpose } => {
				let text = format!("refused: {} gets its price back", address(&grantee));
				context.submit_and_say(&Call::refuse(datanet, grantee, purpose.into()), text).await
			}
			Self::Revoke { datanet, grantee, purpose } => {
				let text = format!(
					"{} may no longer {} DataNet {datanet}. It keeps the keys it had: `tributary datanet rotate {datanet}` keeps what is contributed from now on from it",
					address(&grantee),
					purpose_name(purpose.into())
				);
				context.submit_and_say(&Call::revoke(datanet, grantee, purpose.into()), text).await
			}
			Self::Renounce { datanet, purpose } => {
				let text =
					format!("the grant to {} DataNet {datanet} is given up", purpose_name(purpose.into()));
				context.submit_and_say(&Call::renounce(datanet, purpose.into()), text).await
			}
		}
	}
}

/// How a DataNet is encrypted; a public one is an error.
pub async fn private_access(chain: &Chain, datanet: DataNetId) -> Result<AccessView, Failure> {
	if let Some(access) = chain.access(datanet).await? {
		return Ok(access);
	}
	chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
	Err(Failure::Usage(format!("DataNet {datanet} is public: everyone may use it, nobody needs a grant")))
}

/// The price of a grant.
pub fn price(access: &AccessView, purpose: Purpose) -> Option<Balance> {
	match purpose {
		Purpose::Train => access.train,
		Purpose::Retrieve => access.retrieve,
	}
}

async fn request(
	context: &Context,
	datanet: DataNetId,
	purpose: Purpose,
	at_most: Option<Balance>,
) -> Result<Output, Failure> {
	let (chain, signer) = (context.chain().await?, context.signer()?);
	let access = private_access(chain, datanet).await?;
	let not_offered = || {
		Failure::Refused(format!(
			"the owner of DataNet {datanet} offers no grants to {} it: ask them for one",
			purpose_name(purpose)
		))
	};
	let price = price(&access, purpose).ok_or_else(not_offered)?;
	let ask = Call::request_grant(datanet, purpose, at_most.unwrap_or(price));
	let call = match chain.recipient(signer.account()).await? {
		Some(_) => ask,
		None => {
			let identity = Identity::of_account(&signer, &chain.genesis());
			Call::All(vec![Call::announce(identity.recipient()), ask])
		}
	};
	let included = context.submit_as(&call, &signer).await?;
	let text = format!(
		"asked to {} DataNet {datanet}; {} is held until its owner decides. The owner grants with: tributary grant give {datanet} {} --purpose {}",
		purpose_name(purpose),
		trb(price),
		signer.address(),
		purpose_word(purpose)
	);
	Ok(Output::new(json!({ "datanet": datanet, "price": price.to_string(), "included": included }), text))
}

/// The DataNet's keys, from its owner's key.
pub async fn keys_of_owner(
	chain: &Chain,
	owner: &Keypair,
	datanet: DataNetId,
	access: &AccessView,
) -> Result<DataNetKeys, Failure> {
	let view = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
	if view.owner != owner.account() {
		return Err(Failure::Refused(format!(
			"DataNet {datanet} belongs to {}: sign with the key of that account",
			address(&view.owner)
		)));
	}
	Ok(owner_keys(owner, &chain.genesis(), datanet, access)?)
}

async fn give(
	context: &Context,
	datanet: DataNetId,
	grantee: AccountId,
	purpose: Purpose,
) -> Result<Output, Failure> {
	let (chain, signer) = (context.chain().await?, context.signer()?);
	let access = private_access(chain, datanet).await?;
	let keys = keys_of_owner(chain, &signer, datanet, &access).await?;
	let capsule = capsule(chain, &keys, &grantee).await?;
	let included = context.submit_as(&Call::grant(datanet, grantee, purpose, &capsule), &signer).await?;
	let text = format!(
		"{} may {} DataNet {datanet}, with the keys up to epoch {}",
		address(&grantee),
		purpose_name(purpose),
		access.epoch
	);
	let json = json!({
		"datanet": datanet, "grantee": address(&grantee), "purpose": purpose_word(purpose),
		"epoch": access.epoch, "capsule_bytes": capsule.len(), "included": included,
	});
	Ok(Output::new(json, text))
}

async fn capsule(chain: &Chain, keys: &DataNetKeys, grantee: &AccountId) -> Result<Vec<u8>, Failure> {
	let missing = || {
		Failure::Refused(format!(
			"{} has announced no recipient that keys could be encrypted to: it must run `tributary grant announce` first",
			address(grantee)
		))
	};
	let recipient = chain.recipient(*grantee).await?.ok_or_else(missing)?;
	keys.capsule(&recipient).map_err(|e| Failure::Refused(format!("{}: {e}", address(grantee))))
}

/// Calls that give every grantee the keys up to their epoch, and the grantees that announce no recipient any more.
pub async fn renewals(chain: &Chain, keys: &DataNetKeys) -> Result<(Vec<Call>, Vec<AccountId>), Failure> {
	let (mut calls, mut left_out) = (Vec::new(), Vec::new());
	for grant in grants(chain, keys.datanet()).await? {
		match capsule(chain, keys, &grant.grantee).await {
			Ok(capsule) => calls.push(Call::grant(keys.datanet(), grant.grantee, grant.purpose, &capsule)),
			Err(Failure::Refused(_)) => left_out.push(grant.grantee),
			Err(error) => return Err(error),
		}
	}
	Ok((calls, left_out))
}

/// Every grant of a DataNet that stands.
async fn grants(chain: &Chain, datanet: DataNetId) -> Result<Vec<GrantView>, Failure> {
	let mut all: Vec<GrantView> = Vec::new();
	loop {
		let start = u32::try_from(all.len()).unwrap_or(u32::MAX);
		let page = chain.grants(datanet, start, MAX_PAGE).await?;
		if page.is_empty() {
			return Ok(all);
		}
		all.extend(page);
	}
}

async fn list(chain: &Chain, datanet: DataNetId) -> Result<Output, Failure> {
	private_access(chain, datanet).await?;
	let mut requests: Vec<RequestView> = Vec::new();
	loop {
		let start = u32::try_from(requests.len()).unwrap_or(u32::MAX);
		let page = chain.grant_requests(datanet, start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		requests.extend(page);
	}
	let grants = grants(chain, datanet).await?;
	let row = |request: &RequestView| {
		let since = format!("asked in block {}, pays {}", request.at, trb(request.price));
		vec![address(&request.grantee), purpose_word(request.purpose).into(), since]
	};
	let granted = |grant: &GrantView| {
		let since = format!("granted in block {}, keys up to epoch {}", grant.granted_at, grant.epoch);
		vec![address(&grant.grantee), purpose_word(grant.purpose).into(), since]
	};
	let rows = requests.iter().map(row).chain(grants.iter().map(granted)).collect();
	let json = json!({
		"requests": requests.iter().map(request_json).collect::<Vec<_>>(),
		"grants": grants.iter().map(grant_json).collect::<Vec<_>>(),
	});
	Ok(Output::new(json, table(&["account", "purpose", "state"], rows)))
}

fn request_json(request: &RequestView) -> Value {
	json!({
		"grantee": address(&request.grantee),
		"purpose": purpose_word(request.purpose),
		"recipient": request.recipient.map(|recipient| recipient_text(&recipient)),
		"price": request.price.to_string(),
		"at": request.at,
	})
}

fn grant_json(grant: &GrantView) -> Value {
	json!({
		"grantee": address(&grant.grantee),
		"purpose": purpose_word(grant.purpose),
		"epoch": grant.epoch,
		"granted_at": grant.granted_at,
	})
}
