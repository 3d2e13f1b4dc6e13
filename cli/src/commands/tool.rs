//! `tributary tool`.

use super::{
	agent::tool_json,
	asset::{published, versioned},
};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, Versioned},
};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::{collections::BTreeMap, time::Duration};
use tributary_client::chain::{Call, ToolServer, MAX_PAGE};
use tributary_primitives::{views::ToolView, AssetId, Balance};
use tributary_tools::{Limits, Listing, Server, ToolError, Transport};

/// Longest description that is printed, characters.
const MAX_SHOWN: usize = 60;

/// Tools: MCP servers that agents may call, at a price per call.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
	/// Connect to a server, read its tools and register them with a price.
	Publish {
		/// Its name.
		name: String,
		/// Where the server is, as workers find it: stdio:NAME or an http(s) address.
		#[arg(long)]
		server: String,
		/// What a call costs, TRB.
		#[arg(long, value_name = "TRB", value_parser = parse::amount)]
		price: Balance,
		/// Store that others can fetch the tool list from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
		/// How to reach it from here.
		#[command(flatten)]
		reach: Reach,
	},
	/// Connect again and register what the server offers now as the next version.
	Version {
		/// The tool.
		tool: AssetId,
		/// Where the server is [default: where it was].
		#[arg(long)]
		server: Option<String>,
		/// What a call costs, TRB [default: as before].
		#[arg(long, value_name = "TRB", value_parser = parse::amount)]
		price: Option<Balance>,
		/// Store that others can fetch the tool list from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
		/// How to reach it from here.
		#[command(flatten)]
		reach: Reach,
	},
	/// Check that a server is still what is registered; exit code 7 when it is not.
	Check {
		/// The tool: ID or ID:VERSION.
		tool: Versioned,
		/// How to reach it from here.
		#[command(flatten)]
		reach: Reach,
	},
	/// List tools.
	List,
}

/// How a server is reached from this machine.
#[derive(Debug, Args)]
pub struct Reach {
	/// Environment variable with the bearer token of an HTTP server.
	#[arg(long, value_name = "VARIABLE")]
	token_env: Option<String>,
	/// Most seconds to wait for the server.
	#[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
	wait: u64,
	/// The program behind stdio:NAME and its arguments, after `--`.
	#[arg(last = true, value_name = "COMMAND")]
	command: Vec<String>,
}

impl Reach {
	async fn listing(&self, server: &str) -> Result<Listing, Failure> {
		let limits = Limits { connect: Duration::from_secs(self.wait), ..Limits::default() };
		let connected =
			Server::connect(self.transport(server)?, limits).await.map_err(|error| match error {
				ToolError::Unreachable { .. } => Failure::Away(error.to_string()),
				error => Failure::Other(error.to_string()),
			})?;
		Ok(connected.listing().clone())
	}

	fn transport(&self, server: &str) -> Result<Transport, Failure> {
		if server.starts_with("stdio:") {
			let split = self.command.split_first();
			let (command, args) = split.ok_or_else(|| {
				Failure::Usage(format!("say how {server} is run here: … -- COMMAND ARGUMENTS"))
			})?;
			return Ok(Transport::Stdio {
				command: command.clone(),
				args: args.to_vec(),
				env: BTreeMap::new(),
			});
		}
		if !(server.starts_with("https://") || server.starts_with("http://")) {
			return Err(Failure::Usage(format!(
				"`{server}` is no server: give stdio:NAME or an http(s) address"
			)));
		}
		if !self.command.is_empty() {
			return Err(Failure::Usage(format!("{server} needs no command: it is reached over HTTP")));
		}
		let token = match &self.token_env {
			None => None,
			Some(name) => {
				let unset = |_| Failure::Usage(format!("the environment variable {name} is not set"));
				Some(std::env::var(name).map_err(unset)?)
			}
		};
		Ok(Transport::Http { url: server.into(), token })
	}
}

impl ToolCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Publish { name, server, price, hints, reach } => {
				let listing = reach.listing(&server).await?;
				let tool = keep(context, &listing, server, price, hints).await?;
				let included = context.submit(&Call::register_tool(&name, &tool)).await?;
				let next = "Next: compose it into an agent (tributary agent compose … --tool ID)";
				Ok(with_list(published(&included, &name, &hex32(&listing.hash), next)?, &listing))
			}
			Self::Version { tool, server, price, hints, reach } => {
				let present = context.chain().await?.tool(tool, None).await?.ok_or_else(|| no_tool(tool))?;
				let server = server.unwrap_or_else(|| line(&present.server));
				let listing = reach.listing(&server).await?;
				let next = keep(context, &listing, server, price.unwrap_or(present.price), hints).await?;
				let included = context.submit(&Call::add_tool_version(tool, &next)).await?;
				Ok(with_list(versioned(&included, &hex32(&listing.hash))?, &listing))
			}
			Self::Check { tool, reach } => {
				let view = context.chain().await?.tool(tool.id, tool.version).await?;
				let view = view.ok_or_else(|| no_tool(tool.id))?;
				let listing = reach.listing(&line(&view.server)).await?;
				check(&view, &listing)
			}
			Self::List => list(context).await,
		}
	}
}

/// Keeps the list in the content store, so that agents' authors can read it.
async fn keep(
	context: &Context,
	listing: &Listing,
	server: String,
	price: Balance,
	hints: Vec<String>,
) -> Result<ToolServer, Failure> {
	let content = context.store()?.put_bytes(listing.text.clone().into_bytes()).await?;
	Ok(ToolServer { server, identity: listing.identity.clone(), content, hints, price })
}

/// There is no such tool.
fn no_tool(tool: AssetId) -> Failure {
	Failure::Usage(format!("asset {tool} is no tool, or has no such version: see `tributary tool list`"))
}

fn check(view: &ToolView, listing: &Listing) -> Result<Output, Failure> {
	let identity = line(&view.identity);
	let (same_list, same_name) = (view.content == listing.hash, view.identity == listing.identity.as_bytes());
	let tool = version(view.tool);
	if !(same_list && same_name) {
		let what = match (same_list, same_name) {
			(true, _) => format!("it calls itself `{}`, registered is `{identity}`", listing.identity),
			_ => format!(
				"its tool list has hash {}, registered is {}",
				hex32(&listing.hash),
				hex32(&view.content)
			),
		};
		let next = "Workers do not call it. Its owner registers it as it is: `tributary tool version`.";
		return Err(Failure::Wrong(format!(
			"tool {tool} at {} is another: {what}. {next}",
			line(&view.server)
		)));
	}
	let json = json!({ "tool": tool_json(view), "matches": true, "tools": tools_json(listing) });
	let text = format!("tool {tool} at {} is what is registered: {identity}\n", line(&view.server));
	Ok(Output::new(json, text + &tools_text(listing)))
}

fn with_list(output: Output, listing: &Listing) -> Output {
	let Output { mut json, text } = output;
	if let Some(members) = json.as_object_mut() {
		members.insert("identity".into(), listing.identity.clone().into());
		members.insert("tools".into(), tools_json(listing));
	}
	Output::new(json, format!("{}\n{}", tools_text(listing), text))
}

fn tools_json(listing: &Listing) -> Value {
	let tool = |tool: &tributary_tools::Tool| json!({ "name": tool.name, "description": tool.description, "input": tool.input, "output": tool.output });
	listing.tools.iter().map(tool).collect()
}

fn tools_text(listing: &Listing) -> String {
	let row = |tool: &tributary_tools::Tool| {
		let members = tool.input.get("properties").and_then(Value::as_object);
		let arguments: Vec<String> =
			members.into_iter().flat_map(|members| members.keys().cloned()).collect();
		let first = tool.description.lines().next().unwrap_or_default();
		let about = match first.chars().count() > MAX_SHOWN {
			true => first.chars().take(MAX_SHOWN).chain(['…']).collect(),
			false => first.to_owned(),
		};
		vec![line(tool.name.as_bytes()), line(arguments.join(", ").as_bytes()), line(about.as_bytes())]
	};
	let head = format!("{} offers:\n", line(listing.identity.as_bytes()));
	head + &table(&["tool", "arguments", "about"], listing.tools.iter().map(row).collect())
}

async fn list(context: &Context) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let mut all: Vec<ToolView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.tool.asset.saturating_add(1));
		let page = chain.tools(start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		all.extend(page);
	}
	let row = |view: &ToolView| {
		vec![
			version(view.tool),
			line(&view.name),
			line(&view.server),
			line(&view.identity),
			trb(view.price),
			if view.retired { "retired".into() } else { String::new() },
			address(&view.owner),
		]
	};
	let headings = ["tool>", "name", "server", "calls itself", "per call>", "", "owner"];
	Ok(Output::new(all.iter().map(tool_json).collect(), table(&headings, all.iter().map(row).collect())))
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_primitives::AssetRef;
	use tributary_tools::Tool;

	fn listing(description: &str) -> Listing {
		let input = json!({ "type": "object", "properties": { "zone": {}, "at": {} } });
		let tool = Tool { name: "time".into(), description: description.into(), input, output: None };
		Listing::of("clock 1.0".into(), vec![tool]).unwrap()
	}

	fn view(listing: &Listing) -> ToolView {
		ToolView {
			tool: AssetRef { asset: 5, version: 2 },
			name: b"clock".to_vec(),
			owner: [1; 32],
			server: b"stdio:clock".to_vec(),
			identity: listing.identity.clone().into_bytes(),
			content: listing.hash,
			hints: vec![],
			price: 30,
			retired: false,
		}
	}

	#[test]
	fn check_passes_when_the_server_is_what_is_registered() {
		let listing = listing("Tells the time\nand more");
		let output = check(&view(&listing), &listing).unwrap();
		assert_eq!(output.json["matches"], true);
		for part in ["clock 1.0", "time", "zone, at", "Tells the time"] {
			assert!(output.text.contains(part), "{}", output.text);
		}
		assert!(!output.text.contains("and more"));
	}

	#[test]
	fn check_fails_with_the_next_step_when_list_or_name_changed() {
		let registered = view(&listing("Tells the time"));
		let Err(error) = check(&registered, &listing("Tells the date")) else { panic!() };
		assert_eq!(error.code(), 7);
		assert!(
			error.to_string().contains("tool list") && error.to_string().contains("tributary tool version")
		);
		let renamed = Listing { identity: "clock 2.0".into(), ..listing("Tells the time") };
		let Err(error) = check(&registered, &renamed) else { panic!() };
		assert!(error.to_string().contains("clock 2.0"));
		// Shown they look the same.
		let odd = ToolView { identity: b"clock\n1.0".to_vec(), ..registered };
		assert!(check(&odd, &listing("Tells the time")).is_err());
	}

	#[test]
	fn server_is_refused_when_it_cannot_be_reached_as_said() {
		let reach = |command: &[&str], token: Option<&str>| Reach {
			token_env: token.map(str::to_owned),
			wait: 1,
			command: command.iter().map(ToString::to_string).collect(),
		};
		assert!(reach(&["clock", "-v"], None).transport("stdio:clock").is_ok());
		assert!(reach(&[], None).transport("https://host/mcp").is_ok());
		for (command, token, server) in [
			(&[][..], None, "stdio:clock"),
			(&["clock"][..], None, "https://host/mcp"),
			(&[][..], Some("NO_SUCH_VARIABLE_OF_TESTS"), "https://host/mcp"),
			(&[][..], None, "ftp://host/mcp"),
		] {
			let Err(error) = reach(command, token).transport(server) else { panic!("{server}") };
			assert_eq!(error.code(), 2, "{server}");
		}
	}
}
