//! The library face: complete, stream, embed, count tokens, cost; with routing and fallback, without a server.
