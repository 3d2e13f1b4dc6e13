//! Tests against the whole engine.
