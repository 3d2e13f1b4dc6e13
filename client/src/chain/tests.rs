use super::{
	nodes::{shown, Dial, Nodes, Patience, WebSocket},
	*,
};
use futures::future::BoxFuture;
use std::{collections::BTreeMap, sync::Mutex as Lock, time::Duration};
use subxt::rpcs::{
	client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT},
	RpcClient, UserError,
};
use tokio::net::TcpListener;

const GENESIS: Hash = [7; 32];

/// A node as its RPC shows it.
#[derive(Clone)]
struct State {
	genesis: Hash,
	finalized: u32,
	is_syncing: bool,
	/// Whether its connections live and new ones are taken.
	is_up: bool,
	/// Whether it takes requests and answers none.
	hangs: bool,
}

struct FakeNode {
	state: Lock<State>,
	/// Reads it answered.
	reads: Lock<u32>,
}

impl FakeNode {
	fn at(finalized: u32) -> Arc<Self> {
		let state = State { genesis: GENESIS, finalized, is_syncing: false, is_up: true, hangs: false };
		Arc::new(Self { state: Lock::new(state), reads: Lock::default() })
	}

	fn set(&self, change: impl FnOnce(&mut State)) {
		change(&mut self.state.lock().unwrap());
	}

	fn state(&self) -> State {
		self.state.lock().unwrap().clone()
	}

	fn reads(&self) -> u32 {
		*self.reads.lock().unwrap()
	}

	fn answer(&self, method: &str, params: &str) -> Result<serde_json::Value, RpcError> {
		let state = self.state();
		if !state.is_up {
			return Err(RpcError::Client("the connection is closed".into()));
		}
		Ok(match method {
			"system_health" => serde_json::json!({ "peers": 3, "isSyncing": state.is_syncing }),
			"chain_getBlockHash" if params == "[0]" => prefixed(&state.genesis).into(),
			"chain_getFinalizedHead" => prefixed(&[9; 32]).into(),
			"chain_getHeader" if params == "[null]" => {
				*self.reads.lock().unwrap() += 1;
				serde_json::json!({ "number": format!("0x{:x}", state.finalized + 2) })
			}
			"chain_getHeader" => serde_json::json!({ "number": format!("0x{:x}", state.finalized) }),
			_ => return Err(RpcError::User(UserError::method_not_found())),
		})
	}
}

impl RpcClientT for FakeNode {
	fn request_raw<'a>(
		&'a self,
		method: &'a str,
		params: Option<Box<RawValue>>,
	) -> RawRpcFuture<'a, Box<RawValue>> {
		Box::pin(async move {
			if self.state().hangs {
				std::future::pending::<()>().await;
			}
			let params = params.as_ref().map_or("[]", |params| params.get());
			let answer = self.answer(method, params)?;
			RawValue::from_string(answer.to_string()).map_err(RpcError::Serialization)
		})
	}

	fn subscribe_raw<'a>(
		&'a self,
		_sub: &'a str,
		_params: Option<Box<RawValue>>,
		_unsub: &'a str,
	) -> RawRpcFuture<'a, RawRpcSubscription> {
		Box::pin(std::future::pending())
	}
}

/// Fake nodes by address; other addresses are real.
struct Network(BTreeMap<String, Arc<FakeNode>>);

impl Dial for Network {
	fn dial<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<RpcClient, String>> {
		let Some(node) = self.0.get(url).cloned() else { return WebSocket.dial(url) };
		Box::pin(async move {
			if node.state().is_up {
				Ok(RpcClient::new(node))
			} else {
				Err("connection refused".into())
			}
		})
	}
}

const PATIENCE: Patience = Patience {
	connect: Duration::from_millis(500),
	answer: Duration::from_millis(500),
	still: Duration::ZERO,
	pause: Duration::from_millis(5),
	most_pause: Duration::from_millis(20),
};

fn chain_over(urls: Vec<String>, nodes: &[&Arc<FakeNode>]) -> Chain {
	let named = nodes.iter().enumerate().map(|(number, node)| (name(number), (*node).clone())).collect();
	Chain::of(Nodes::new(urls, Some(GENESIS), Box::new(Network(named)), PATIENCE))
}

fn chain_of(nodes: &[&Arc<FakeNode>]) -> Chain {
	chain_over((0..nodes.len()).map(name).collect(), nodes)
}

fn name(number: usize) -> String {
	format!("ws://node-{number}:9944")
}

/// Reads until it works: pauses between attempts are short here.
async fn read(chain: &Chain) -> u32 {
	for _ in 0..1_000 {
		if let Ok(block) = chain.block_number().await {
			return block;
		}
		tokio::time::sleep(Duration::from_millis(10)).await;
	}
	panic!("no node answered")
}

fn endpoint(number: usize, of: usize, failovers: u64) -> Endpoint {
	Endpoint { number: Some(number), of, failovers }
}

#[tokio::test]
async fn connecting_fails_with_the_next_step_when_no_node_listens() {
	let error = Chain::connect(["ws://127.0.0.1:9", "ws://127.0.0.1:11"]).await.unwrap_err();
	assert!(matches!(error, ChainError::Away { .. }));
	let text = error.to_string();
	assert!(text.contains("ws://127.0.0.1:9") && text.contains("tributary-node"), "{text}");
}

#[tokio::test]
async fn chain_keeps_its_genesis_when_it_is_known_but_away() {
	let chain = Chain::known(["ws://127.0.0.1:9"], [7; 32]);
	assert_eq!(chain.genesis(), [7; 32]);
	assert!(!chain.is_reachable().await);
	assert_eq!(chain.endpoint(), Endpoint { number: None, of: 1, failovers: 0 });
}

#[tokio::test]
async fn first_node_is_asked_when_all_are_well() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	assert_eq!(read(&chain).await, 42);
	assert_eq!((chain.endpoint(), second.reads()), (endpoint(1, 2, 0), 0));
}

#[tokio::test]
async fn second_node_is_asked_when_the_first_refuses() {
	let node = FakeNode::at(40);
	let chain = chain_over(vec!["ws://127.0.0.1:9".into(), name(0)], &[&node]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 0));
}

#[tokio::test]
async fn second_node_is_asked_when_the_first_takes_connections_and_says_nothing() {
	let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let node = FakeNode::at(40);
	let urls = vec![format!("ws://{}", silent.local_addr().unwrap()), name(0)];
	let chain = chain_over(urls, &[&node]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 0));
}

#[tokio::test]
async fn second_node_is_asked_when_the_first_is_of_another_chain() {
	let (foreign, node) = (FakeNode::at(900), FakeNode::at(40));
	foreign.set(|state| state.genesis = [8; 32]);
	let chain = chain_of(&[&foreign, &node]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	assert_eq!((chain.endpoint(), foreign.reads()), (endpoint(2, 2, 0), 0));
}

#[tokio::test]
async fn chain_is_refused_when_its_only_node_is_of_another() {
	let foreign = FakeNode::at(40);
	foreign.set(|state| state.genesis = [8; 32]);
	let error = chain_of(&[&foreign]).block_number().await.unwrap_err();
	assert!(matches!(error, ChainError::WrongChain { .. }), "{error}");
}

#[tokio::test]
async fn read_goes_on_with_the_second_node_when_the_first_dies() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	first.set(|state| state.is_up = false);
	assert_eq!(chain.block_number().await.unwrap(), 43);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 1));
}

#[tokio::test]
async fn read_goes_on_with_the_second_node_when_the_first_hangs() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	first.set(|state| state.hangs = true);
	assert_eq!(chain.block_number().await.unwrap(), 43);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 1));
}

#[tokio::test]
async fn waiting_for_a_node_ends_when_it_is_left() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	let link = chain.inner.nodes.link().await.unwrap();
	first.set(|state| state.is_up = false);
	let left = async {
		link.wait_until_left().await;
	};
	let (_, block) =
		timeout(Duration::from_secs(60), async { tokio::join!(left, read(&chain)) }).await.unwrap();
	assert_eq!(block, 43);
}

#[tokio::test]
async fn reads_go_on_when_all_nodes_die_and_one_returns() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	read(&chain).await;
	first.set(|state| state.is_up = false);
	second.set(|state| state.is_up = false);
	let error = chain.block_number().await.unwrap_err();
	assert!(error.is_away(), "{error}");
	assert_eq!(chain.endpoint().number, None);
	second.set(|state| (state.is_up, state.finalized) = (true, 50));
	assert_eq!(read(&chain).await, 52);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 1));
}

#[tokio::test]
async fn only_node_is_asked_again_when_it_returns_at_once() {
	let node = FakeNode::at(40);
	let chain = chain_of(&[&node]);
	read(&chain).await;
	node.set(|state| state.is_up = false);
	assert!(chain.block_number().await.unwrap_err().is_away());
	node.set(|state| state.is_up = true);
	assert_eq!(read(&chain).await, 42);
	assert_eq!(chain.endpoint(), endpoint(1, 1, 0));
}

#[tokio::test]
async fn node_is_passed_over_when_it_is_syncing() {
	let (syncing, node) = (FakeNode::at(40), FakeNode::at(40));
	syncing.set(|state| state.is_syncing = true);
	let chain = chain_of(&[&syncing, &node]);
	assert_eq!(chain.block_number().await.unwrap(), 42);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 0));
}

#[tokio::test]
async fn furthest_node_is_asked_when_none_keeps_up() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(60));
	for node in [&first, &second] {
		node.set(|state| state.is_syncing = true);
	}
	let chain = chain_of(&[&first, &second]);
	assert_eq!(chain.block_number().await.unwrap(), 62);
	assert_eq!(chain.endpoint(), endpoint(2, 2, 0));
}

#[tokio::test]
async fn node_is_left_when_its_final_block_stands_still_and_another_is_ahead() {
	let (stuck, second) = (FakeNode::at(40), FakeNode::at(40));
	let chain = chain_of(&[&stuck, &second]);
	read(&chain).await;
	chain.check().await.unwrap();
	assert_eq!(chain.endpoint(), endpoint(1, 2, 0));
	second.set(|state| state.finalized = 70);
	chain.check().await.unwrap();
	assert_eq!((chain.endpoint(), chain.block_number().await.unwrap()), (endpoint(2, 2, 1), 72));
}

#[tokio::test]
async fn node_that_fell_behind_is_not_taken_when_the_better_one_is_lost_for_a_moment() {
	let (good, old, late) = (FakeNode::at(100), FakeNode::at(20), FakeNode::at(98));
	let chain = chain_of(&[&good, &old, &late]);
	read(&chain).await;
	good.set(|state| state.is_up = false);
	assert_eq!(chain.block_number().await.unwrap(), 100);
	assert_eq!(chain.endpoint(), endpoint(3, 3, 1));
}

#[tokio::test]
async fn refusal_is_told_and_no_other_node_asked_when_a_node_refuses_a_request() {
	let (first, second) = (FakeNode::at(40), FakeNode::at(41));
	let chain = chain_of(&[&first, &second]);
	let answer = chain.rpc::<String>("no_such_method", serde_json::Value::Null).await;
	assert!(matches!(answer, Err(ChainError::Refused { .. })), "{answer:?}");
	assert_eq!(chain.endpoint(), endpoint(1, 2, 0));
}

#[test]
fn address_is_shown_without_secrets_when_it_has_some() {
	assert_eq!(shown("wss://user:word@node.example.org:443/key?token=1"), "wss://node.example.org:443");
	assert_eq!(shown("ws://127.0.0.1:9944"), "ws://127.0.0.1:9944");
	assert_eq!(shown("node"), "node");
}

#[test]
fn answer_is_refused_when_it_has_spare_bytes() {
	assert!(matches!(decode_hex::<u32>("0x0100000000", "test"), Err(ChainError::Decode { .. })));
	assert!(matches!(decode_hex::<u32>("0xzz", "test"), Err(ChainError::Decode { .. })));
}
