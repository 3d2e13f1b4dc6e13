//! Who shaped an answer.
//!
//! Three steps, none of which needs a chain, a GPU or the model's weights:
//!
//! 1. [`SnapshotIndex`]: a suffix array over the model's tokens of one DataNet snapshot finds every
//!    maximal span that an answer shares with a contribution. Exact and integer only, so that a claim
//!    about a span can be opened and checked by others.
//! 2. [`Chunks`]: the same documents in pieces, for the context of the model. The crate `tributary-retrieval` searches
//!    them; [`Ranks`] say why a chunk was found, and what it weighs.
//! 3. [`vector`]: both become a sparse attribution vector in parts per million. [`Evidence`] is what it was
//!    computed from; its hash goes into the usage record, and [`Evidence::vector`] computes it again.
//!
//! Units: positions, lengths and offsets are model **tokens**, those of chunks in a text **bytes**; shares are **ppm**.
//!
//! # The rule set
//!
//! *Strength.* A maximal span of `len` tokens that occurs `count` times in its snapshot has
//! `excess = len - min_span + 1` and
//!
//! ```text
//! strength = excess / (excess + half_span + log2(count))        at most 1, fixed point
//! ```
//!
//! so longer and rarer both weigh more, a short commonplace weighs next to nothing, and no match,
//! however long or odd, weighs more than the tokens it covers. The count matters less the longer the span
//! is: forty equal tokens in ten places are copies, not idiom, and copying must not devalue the original.
//!
//! *Tokens are paid once.* Every token of the answer belongs to the strongest span that covers it. The
//! span's part is `span_ppm * owned tokens / answer tokens * strength`. It goes to the **first registrant**:
//! the lowest contribution index among the span's sources. Equal spans of two DataNets share equally, for
//! registration order is known only within a DataNet.
//!
//! *Retrieval.* `retrieval_ppm` is divided among the chunks that were in the context by
//! `weight * tokens of the chunk`. The weight comes from the chunk's places in the lists by keywords and by vectors
//! ([reciprocal rank fusion](Ranks::weight)): small differences, which no score can be inflated to widen, and more for
//! what both lists found. A span whose payee was in the context adds to that payee's retrieval share
//! instead of making a span share: repeating a retrieved chunk pays more than being retrieved, and the same
//! tokens are not paid as memory as well. Chunks of which half repeats earlier contributions are never
//! retrieved; their original is.
//!
//! *Bounds.* No account gets more than `max_contributor_ppm`; only the `top_k` largest shares are kept; what
//! is cut goes to the pool of the DataNet it came from. What nothing claims is divided equally among the
//! pools of the agent's DataNets. The parts sum to exactly 1,000,000.
//!
//! # Why so
//!
//! Everything after the ranks is integer arithmetic over public data: whoever has the evidence
//! computes the same vector, bit for bit. A claim is bounded by what the answer actually repeats and the
//! context actually held, not by a score that a contributor could inflate; what is uncertain goes to
//! everybody rather than to somebody.
//!
//! # How attacks fare (each has a test in `tests/attacks.rs` of `tributary-retrieval`)
//!
//! - **Duplicates.** Copies of another's text earn nothing by spans (the first registrant is paid) and are
//!   not retrieved. They raise `count`, which costs the victim of a 40-token span and ten copies under a tenth.
//! - **Outliers.** Strange text earns nothing until an answer repeats it, and then at most its part of the
//!   tokens. One account never exceeds its cap.
//! - **Splitting** one text over many contributions or accounts breaks spans at the seams and divides
//!   retrieval weight by size: it gains nothing. Splitting does evade the cap on one account: the cap
//!   limits damage by single accounts and is no proof of personhood.
//! - **Keyword stuffing** gains a place, not a score: a stuffed chunk can be retrieved and earns its part of
//!   `retrieval_ppm` until reviewers reject it, less than three times as much as the text it copies keywords from.
//!
//! # Limits
//!
//! Paraphrase leaves no span, and a near-duplicate that changes most groups of five words is not recognised.
//! Who registers another's text first is paid as its author: that is for curators to refuse. Being in the
//! context is paid whether or not the model heeded it. An answer that echoes the payer's own message pays
//! whoever registered that text; a contributor who plays payer pays the whole fee to get a part of it back.
//! What BM25 and embeddings rank is not checked by the evidence: two platforms may order nearly equal chunks
//! differently, and the ranks make that visible.

mod chunks;
mod document;
mod error;
mod evidence;
mod hit;
mod index;
mod layout;
mod log2;
mod receipts;
mod rules;
mod spans;
mod vector;
mod words;

pub use chunks::{Chunk, Chunks};
pub use document::Document;
pub use error::{EvidenceError, IndexError, RulesError};
pub use evidence::{Evidence, RetrievedChunk, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_SPANS};
pub use hit::{Hit, Ranks, MAX_HITS};
pub use index::SnapshotIndex;
pub use receipts::{CallOutcome, SkillScore, ToolReceipt, MAX_RECEIPTS, MAX_SKILLS};
pub use rules::VectorRules;
pub use spans::{Source, Span, MAX_SOURCES};
pub use vector::vector;
pub use words::words;
