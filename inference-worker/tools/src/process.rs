//! A server that is a child process: how it is started, read and ended.

use crate::ToolError;
use std::{
	collections::{BTreeMap, VecDeque},
	io,
	pin::Pin,
	process::Stdio,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, PoisonError,
	},
	task::{ready, Context, Poll},
};
use tokio::{
	io::{AsyncRead, AsyncReadExt, ReadBuf},
	process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

/// Variables that a process inherits. Others may be secrets of the worker.
const INHERITED: [&str; 8] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE"];
/// Most bytes of a process's error stream that are logged.
const MAX_LOGGED: usize = 64 << 10;
/// Bytes of the end of the error stream that are kept, to say why a process ended.
const TAIL: usize = 300;

/// A running process in a group of its own. The whole group dies with this.
pub struct Process {
	child: Mutex<Child>,
	group: Option<u32>,
	tail: Arc<Mutex<VecDeque<u8>>>,
}

/// Starts a process.
pub fn start(
	command: &str,
	args: &[String],
	env: &BTreeMap<String, String>,
) -> Result<(Process, ChildStdout, ChildStdin), ToolError> {
	let failed = |problem: String| ToolError::Start { command: format!("`{command}`"), problem };
	let mut building = Command::new(command);
	building.args(args).env_clear().process_group(0).kill_on_drop(true);
	building.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
	building.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
	let mut child = building.envs(env).spawn().map_err(|error| failed(error.to_string()))?;
	let (Some(stdout), Some(stdin), Some(stderr)) =
		(child.stdout.take(), child.stdin.take(), child.stderr.take())
	else {
		return Err(failed("its streams are missing".into()));
	};
	let tail = Arc::new(Mutex::new(VecDeque::new()));
	tokio::spawn(follow(command.to_owned(), stderr, tail.clone()));
	let group = child.id();
	Ok((Process { child: Mutex::new(child), group, tail }, stdout, stdin))
}

impl Process {
	/// Kills the process and all that it started.
	pub fn kill(&self) {
		let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
		// The process was not waited for, so that its number, which is also the group's, is still its own.
		let Some(group) = self.group.filter(|_| child.id().is_some()) else { return };
		let killing =
			std::process::Command::new("/bin/sh").args(["-c", &format!("kill -KILL -{group}")]).status();
		if let Err(error) = killing {
			tracing::warn!(%error, group, "a tool's processes could not be killed as a group");
		}
		let _ = child.start_kill();
	}

	/// The end of what it wrote to its error stream.
	pub fn last_words(&self) -> Option<String> {
		let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
		let bytes: Vec<u8> = tail.iter().copied().collect();
		let text = String::from_utf8_lossy(&bytes);
		text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		self.kill();
	}
}

/// Logs an error stream and keeps its end; what is too much is read and thrown away, so that the process never
/// waits for us.
async fn follow(command: String, mut stderr: ChildStderr, tail: Arc<Mutex<VecDeque<u8>>>) {
	let (mut buffer, mut logged) = ([0u8; 4096], 0usize);
	while let Ok(count) = stderr.read(&mut buffer).await {
		let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { return };
		if logged < MAX_LOGGED {
			tracing::debug!(command, stderr = %String::from_utf8_lossy(read).trim_end(), "a tool writes");
			logged = logged.saturating_add(count);
		}
		let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
		tail.extend(read);
		let over = tail.len().saturating_sub(TAIL);
		tail.drain(..over);
	}
}

/// Reads lines that are at most so long. A longer one ends the stream: nothing of it is kept.
pub struct Lines<R> {
	inner: R,
	most: usize,
	/// Bytes since the last line break.
	line: usize,
	/// How often a message was too long.
	oversized: Arc<AtomicU64>,
}

impl<R> Lines<R> {
	/// `oversized` counts lines beyond `most` bytes.
	pub fn new(inner: R, most: usize, oversized: Arc<AtomicU64>) -> Self {
		Self { inner, most, line: 0, oversized }
	}

	fn observe(&mut self, bytes: &[u8]) -> io::Result<()> {
		for (index, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
			self.line = if index == 0 { self.line.saturating_add(part.len()) } else { part.len() };
			if self.line > self.most {
				self.oversized.fetch_add(1, Ordering::Relaxed);
				return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
			}
		}
		Ok(())
	}
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
	fn poll_read(
		mut self: Pin<&mut Self>,
		cx: &mut Context<'_>,
		buf: &mut ReadBuf<'_>,
	) -> Poll<io::Result<()>> {
		let before = buf.filled().len();
		ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
		Poll::Ready(self.observe(buf.filled().get(before..).unwrap_or_default()))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	async fn read(bytes: &[u8], most: usize) -> (io::Result<usize>, u64) {
		let oversized = Arc::new(AtomicU64::new(0));
		let mut lines = Lines::new(bytes, most, oversized.clone());
		let result = lines.read_to_end(&mut Vec::new()).await;
		(result, oversized.load(Ordering::Relaxed))
	}

	#[tokio::test]
	async fn stream_ends_when_a_line_is_too_long() {
		assert_eq!(read(b"abc\nde\n\nabc", 3).await.0.unwrap(), 11);
		for bytes in [&b"abcd"[..], b"a\nabcd\n", b"abc\nabcde"] {
			let (result, oversized) = read(bytes, 3).await;
			assert!(result.is_err() && oversized == 1, "{bytes:?}");
		}
	}

	#[tokio::test]
	async fn start_fails_by_name_when_there_is_no_such_program() {
		let Err(error) = start("no-such-program", &[], &BTreeMap::new()) else { panic!() };
		assert!(
			matches!(&error, ToolError::Start { command, .. } if command == "`no-such-program`"),
			"{error}"
		);
	}

	#[tokio::test]
	async fn environment_is_only_what_is_allowed_when_a_process_starts() {
		std::env::set_var("TRIBUTARY_SECRET_OF_THE_TEST", "x");
		let env = BTreeMap::from([("GIVEN".to_owned(), "yes".to_owned())]);
		let (_process, mut stdout, _stdin) = start("env", &[], &env).unwrap();
		let mut text = String::new();
		stdout.read_to_string(&mut text).await.unwrap();
		assert!(text.contains("GIVEN=yes") && text.contains("PATH=") && !text.contains("SECRET"), "{text}");
	}

	#[tokio::test]
	async fn grandchildren_die_when_the_process_is_dropped() {
		let script = "sleep 1000 & echo $!; wait";
		let (process, mut stdout, _stdin) =
			start("sh", &["-c".into(), script.into()], &BTreeMap::new()).unwrap();
		let mut line = [0u8; 32];
		let count = stdout.read(&mut line).await.unwrap();
		let grandchild = std::str::from_utf8(&line[..count]).unwrap().trim().to_owned();
		let runs = || {
			let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
			!state.is_empty() && !state.contains(") Z ")
		};
		assert!(runs());
		drop(process);
		for _ in 0..100 {
			if !runs() {
				return;
			}
			tokio::time::sleep(std::time::Duration::from_millis(20)).await;
		}
		panic!("process {grandchild} still runs");
	}
}
