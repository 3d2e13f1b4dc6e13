//! Which chunks of an agent's DataNets a question is answered from.
//!
//! - [`Space`] names all that an index depends on: the snapshot and what is left of it, the model, how texts are cut.
//! - [`ChunkStore`] keeps indexes: [`Files`] in a folder, [`Memory`] nowhere else, [`Postgres`] in a server with pgvector.
//! - [`ChunkIndex`] finds chunks of one space by keywords and by vectors.
//! - [`search`] asks several indexes, ranks what they found together and fuses the two lists.
//!
//! The crate knows no chain and no GPU: chunks come from [`Chunks`](tributary_attribution::Chunks), vectors from an
//! [`Embedder`].

mod embed;
mod error;
mod files;
mod index;
mod postgres;
mod query;
mod search;
mod space;

pub use embed::{Embedder, Progress};
pub use error::RetrievalError;
pub use files::{Files, Memory};
pub use index::{is_kept, ChunkIndex, ChunkStore, Found, Summary};
pub use postgres::Postgres;
pub use query::Query;
pub use search::{search, CANDIDATES};
pub use space::Space;
