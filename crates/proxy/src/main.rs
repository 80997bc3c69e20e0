//! The binary `lockgate`.

fn main() {}
