//! Bodies of requests.

use crate::refused;
use tributary_fuzz_driver::{peak_of, Input, Trace};
use tributary_worker::server::read_body;

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"];

/// The target: the first byte says where the body comes in.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let path = PATHS[input.below(PATHS.len())];
	let body = input.rest();
	let (read, peak) = peak_of(|| read_body(path, body));
	assert!(peak <= 256 * body.len() + (1 << 20), "a body of {} bytes takes {peak} of memory", body.len());
	trace.call("body", path, read.is_ok());
	match read {
		Ok(()) => trace.reached(path.len() as u64),
		Err(body) => {
			let error = &body.error;
			assert!(error.message.len() < 4_096, "a refusal repeats {} bytes", error.message.len());
			refused(trace, format!("{} {}", error.code, error.message));
		}
	}
}

/// Bodies with every member that is read.
pub fn seeds() -> Vec<Vec<u8>> {
	let chat = r#"{"model":"a","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"r"}],"max_completion_tokens":9,"temperature":0.5,"top_p":0.9,"n":2,"stop":["x"],"seed":7,"presence_penalty":1,"frequency_penalty":-1,"logit_bias":{"5":-100},"logprobs":true,"top_logprobs":3,"stream":true,"stream_options":{"include_usage":true},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"type":"string"}}}}},"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":"auto"}"#;
	let text = r#"{"model":"a","prompt":["p"],"max_tokens":5,"logprobs":2,"stop":"x"}"#;
	let embed = r#"{"model":"a","input":["t",[1,2,3]],"encoding_format":"base64"}"#;
	[(0u8, chat), (1, text), (2, embed), (2, r#"{"model":"a","input":[1,2]}"#)]
		.into_iter()
		.map(|(path, body)| [&[path][..], body.as_bytes()].concat())
		.collect()
}
