//! The OpenAI dialect and surface: pure translation both ways.
