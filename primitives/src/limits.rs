//! Protocol limits. Every collection that crosses the chain's boundary is bounded by one of these.

use bounded_collections::ConstU32;

/// Usage records in one batch.
pub const MAX_RECORDS_PER_BATCH: u32 = 4_096;
/// Channels that one batch may charge.
pub const MAX_CHANNELS_PER_BATCH: u32 = 256;
/// Distinct agent versions with their active skills in one batch.
pub const MAX_AGENTS_PER_BATCH: u32 = 32;
/// Vault credits that one batch may cause.
pub const MAX_CREDITS_PER_BATCH: u32 = 512;
/// Shares in one record's attribution vector, pools included.
pub const MAX_SHARES_PER_RECORD: u32 = 40;
/// Contributors in one record's attribution vector (the top K).
pub const TOP_K: usize = 32;
/// Parents of one asset version.
pub const MAX_PARENTS: u32 = 4;
/// Assets that one asset version's income is divided among, itself included.
pub const MAX_PAYEES: u32 = 16;
/// Adapters of one agent.
pub const MAX_AGENT_ADAPTERS: u32 = 8;
/// Prompts of one agent.
pub const MAX_AGENT_PROMPTS: u32 = 8;
/// DataNets of one agent.
pub const MAX_AGENT_DATANETS: u32 = 8;
/// Tools of one agent.
pub const MAX_AGENT_TOOLS: u32 = 8;
/// Skills of one agent.
pub const MAX_AGENT_SKILLS: u32 = 8;
/// Accounts an owner may split a vault among.
pub const MAX_VAULT_HOLDERS: u32 = 8;
/// Location hints of one asset version.
pub const MAX_HINTS: u32 = 3;
/// Bytes of a location hint or an endpoint.
pub const MAX_URL: u32 = 256;
/// Bytes of what a tool's server calls itself: its name and version.
pub const MAX_IDENTITY: u32 = 128;
/// Bytes of a name.
pub const MAX_NAME: u32 = 64;
/// Bytes of free text: descriptions, contribution metadata, reasons.
pub const MAX_TEXT: u32 = 256;
/// Bytes of a grant's capsule.
pub const MAX_CAPSULE: u32 = 1_024;
/// Bytes that a vault takes in storage, its key apart.
pub const VAULT_BYTES: u32 = 72;
/// Bytes that a holder of a vault takes in storage, its key apart.
pub const HOLDER_BYTES: u32 = 40;
/// Levels of a Merkle proof.
pub const MAX_PROOF: u32 = 40;
/// Entries on a page of a list.
pub const MAX_PAGE: u32 = 256;

/// [`MAX_CHANNELS_PER_BATCH`] as a type.
pub type MaxChannels = ConstU32<MAX_CHANNELS_PER_BATCH>;
/// [`MAX_AGENTS_PER_BATCH`] as a type.
pub type MaxAgents = ConstU32<MAX_AGENTS_PER_BATCH>;
/// [`MAX_CREDITS_PER_BATCH`] as a type.
pub type MaxCredits = ConstU32<MAX_CREDITS_PER_BATCH>;
/// [`MAX_SHARES_PER_RECORD`] as a type.
pub type MaxShares = ConstU32<MAX_SHARES_PER_RECORD>;
/// [`MAX_PARENTS`] as a type.
pub type MaxParents = ConstU32<MAX_PARENTS>;
/// [`MAX_PAYEES`] as a type.
pub type MaxPayees = ConstU32<MAX_PAYEES>;
/// [`MAX_AGENT_ADAPTERS`] as a type.
pub type MaxAgentAdapters = ConstU32<MAX_AGENT_ADAPTERS>;
/// [`MAX_AGENT_PROMPTS`] as a type.
pub type MaxAgentPrompts = ConstU32<MAX_AGENT_PROMPTS>;
/// [`MAX_AGENT_DATANETS`] as a type.
pub type MaxAgentDataNets = ConstU32<MAX_AGENT_DATANETS>;
/// [`MAX_AGENT_TOOLS`] as a type.
pub type MaxAgentTools = ConstU32<MAX_AGENT_TOOLS>;
/// [`MAX_AGENT_SKILLS`] as a type.
pub type MaxAgentSkills = ConstU32<MAX_AGENT_SKILLS>;
/// [`MAX_VAULT_HOLDERS`] as a type.
pub type MaxVaultHolders = ConstU32<MAX_VAULT_HOLDERS>;
/// [`MAX_HINTS`] as a type.
pub type MaxHints = ConstU32<MAX_HINTS>;
/// [`MAX_URL`] as a type.
pub type MaxUrl = ConstU32<MAX_URL>;
/// [`MAX_IDENTITY`] as a type.
pub type MaxIdentity = ConstU32<MAX_IDENTITY>;
/// [`MAX_NAME`] as a type.
pub type MaxName = ConstU32<MAX_NAME>;
/// [`MAX_TEXT`] as a type.
pub type MaxText = ConstU32<MAX_TEXT>;
/// [`MAX_CAPSULE`] as a type.
pub type MaxCapsule = ConstU32<MAX_CAPSULE>;
/// [`MAX_PROOF`] as a type.
pub type MaxProof = ConstU32<MAX_PROOF>;
