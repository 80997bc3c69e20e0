//! Which deployment next: selection, health, cooldown, retry, fallback: a state machine that takes now.
