//! Packs a vocabulary as it is published (`o200k_base.tiktoken`: base64 and rank on each line) for this crate:
//! `cargo run -p lockgate-tokens --example pack o200k_base.tiktoken crates/tokens/data/o200k_base.bin`.

use std::{error::Error, fs};

use base64::{Engine, engine::general_purpose::STANDARD};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pack FILE.tiktoken FILE.bin".into());
    };
    let mut packed = Vec::new();
    for (rank, line) in fs::read_to_string(from)?.lines().enumerate() {
        let (token, number) = line.split_once(' ').ok_or("a line without a rank")?;
        if number.parse() != Ok(rank) {
            return Err(format!("rank {number} where {rank} is expected").into());
        }
        let token = STANDARD.decode(token)?;
        packed.push(u8::try_from(token.len())?);
        packed.extend_from_slice(&token);
    }
    fs::write(to, packed)?;
    Ok(())
}
