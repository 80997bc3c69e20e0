//! Framing and JSON surgery on bytes: SSE, NDJSON, top-level object scan, splice, rope payload.
