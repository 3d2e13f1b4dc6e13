//! `tributary key`.

use crate::{context::Context, failure::Failure, output::*};
use clap::Subcommand;
use serde_json::json;
use std::{
	io::{IsTerminal, Read},
	path::PathBuf,
};
use tributary_client::{
	keys::{generate_mnemonic, KeyFile},
	Keypair,
};

/// Most bytes of a secret on standard input.
const MAX_SECRET: u64 = 4_096;

/// Make, import and show keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
	/// Make a key and show its mnemonic, once.
	New {
		/// Its name.
		name: String,
	},
	/// Import a mnemonic or secret from standard input (asked for at a terminal), or a polkadot.js file.
	Import {
		/// Its name.
		name: String,
		/// Key file that polkadot.js exported; its password stays.
		#[arg(long, value_name = "JSON")]
		file: Option<PathBuf>,
	},
	/// List keys.
	List,
	/// Show a key's address and where its file is.
	Show {
		/// Its name, a key file or //NAME.
		name: String,
	},
}

impl KeyCommand {
	/// Runs the command.
	pub fn run(self, context: &Context) -> Result<Output, Failure> {
		let keys = context.keystore();
		match self {
			Self::New { name } => {
				// Before the password is asked for.
				refuse_existing(context, &name)?;
				let mnemonic = generate_mnemonic()?;
				let file = KeyFile::encrypt(&mnemonic, &name, &context.password(true)?)?;
				let path = keys.save(&name, &file)?;
				let account = address(&file.account()?);
				let json = json!({ "name": name, "address": account, "mnemonic": mnemonic, "file": path });
				let text = facts(&[
					("name", name),
					("address", account),
					("file", path.display().to_string()),
					("mnemonic", mnemonic),
				]);
				Ok(Output::new(
					json,
					text + "\nWrite the mnemonic down and keep it secret: it is not shown again.\n",
				))
			}
			Self::Import { name, file } => {
				refuse_existing(context, &name)?;
				let file = match file {
					Some(path) => {
						let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, e))?;
						KeyFile::from_json(&text)?
					}
					None => {
						let secret = read_secret()?;
						KeyFile::encrypt(&secret, &name, &context.password(true)?)?
					}
				};
				let path = keys.save(&name, &file)?;
				shown(&name, &address(&file.account()?), &path.display().to_string())
			}
			Self::List => {
				let mut rows = Vec::new();
				for name in keys.names()? {
					let account = keys.load(&name).and_then(|file| Ok(address(&file.account()?)));
					rows.push((name, account.unwrap_or_else(|error| error.to_string())));
				}
				let json =
					rows.iter().map(|(name, address)| json!({ "name": name, "address": address })).collect();
				let rows = rows.into_iter().map(|(name, address)| vec![name, address]).collect();
				Ok(Output::new(json, table(&["name", "address"], rows)))
			}
			Self::Show { name } if name.starts_with("//") => {
				shown(&name, &Keypair::from_uri(&name)?.address(), "public development key: worth nothing")
			}
			Self::Show { name } => {
				let file = keys.load(&name)?;
				shown(file.name(), &address(&file.account()?), "encrypted (polkadot.js JSON)")
			}
		}
	}
}

fn refuse_existing(context: &Context, name: &str) -> Result<(), Failure> {
	if context.keystore().has(name)? {
		return Err(Failure::Usage(format!("the key `{name}` exists: choose another name")));
	}
	Ok(())
}

fn shown(name: &str, address: &str, file: &str) -> Result<Output, Failure> {
	let json = json!({ "name": name, "address": address, "file": file });
	Ok(Output::new(json, facts(&[("name", name.into()), ("address", address.into()), ("file", file.into())])))
}

fn read_secret() -> Result<String, Failure> {
	let other = |e: std::io::Error| Failure::Other(e.to_string());
	let mut secret = String::new();
	if std::io::stdin().is_terminal() {
		secret = rpassword::prompt_password("Mnemonic or secret: ").map_err(other)?;
	} else {
		std::io::stdin().take(MAX_SECRET).read_to_string(&mut secret).map_err(other)?;
	}
	let secret = secret.trim().to_string();
	if secret.is_empty() {
		return Err(Failure::Usage("no secret was given: pipe a mnemonic in, or run at a terminal".into()));
	}
	Ok(secret)
}
