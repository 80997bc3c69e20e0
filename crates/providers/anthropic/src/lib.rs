//! The Anthropic Messages dialect and surface: pure translation both ways.
