//! MCP client: an agent's tools, called within limits of time and size.
