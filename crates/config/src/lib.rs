//! Configuration: figment sources, the LiteLLM config.yaml reader, all problems at once, one Snapshot.
