//! `grid`: prints what survives between every surface and every dialect; fails on a hole.
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

use std::process::ExitCode;

use lockgate_tests::grid;

fn main() -> ExitCode {
    let (text, holes) = grid::print(&grid::table());
    println!("{text}{holes} holes");
    if holes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
