//! Token counting for text, messages, tools and images.
