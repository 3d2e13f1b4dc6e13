//! Configuration of the pallets, by domain.

mod accounts;
mod consensus;
mod emergency;
mod fees;
mod governance;
mod system;
mod tributary;

pub use accounts::ProxyType;
pub use consensus::ValidatorsPot;
pub use emergency::{SafeCalls, PAUSABLE, PUNISHING};
pub use fees::Treasury;
pub use governance::{Committee, CommitteeInstance};
pub use system::RuntimeBlockWeights;
