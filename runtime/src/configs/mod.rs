//! Configuration of the pallets, by domain.

mod accounts;
mod consensus;
mod fees;
mod system;
mod tributary;

pub use accounts::ProxyType;
pub use consensus::ValidatorsPot;
pub use fees::Treasury;
pub use system::RuntimeBlockWeights;
