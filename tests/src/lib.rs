//! The suites that need the whole: golden cases, behaviour of the binary, SDK clients, speed.
