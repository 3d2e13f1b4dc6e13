//! Hybrid retrieval over DataNet snapshots.
