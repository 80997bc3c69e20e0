//! Byte pair encoding of one piece: as long as two neighbours are a token together, the pair of the lowest rank is
//! joined.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::table::{NONE, Table};

/// Pieces up to this length are searched from end to end for the next pair; for longer ones that would be quadratic.
const SHORT: usize = 64;

/// How many tokens the piece is; calls `each` with the bytes of every one.
pub(crate) fn encode(table: &Table, piece: &[u8], each: &mut impl FnMut(&[u8])) -> u64 {
    if piece.is_empty() {
        return 0;
    }
    if table.rank(piece) != NONE {
        each(piece);
        return 1;
    }
    if piece.len() <= SHORT { short(table, piece, each) } else { long(table, piece, each) }
}

/// A part of the piece, up to the start of the next one.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    /// The rank of this part and the next one together.
    rank: u32,
}

fn short(table: &Table, piece: &[u8], each: &mut impl FnMut(&[u8])) -> u64 {
    let rank = |from: u32, to: u32| table.rank(&piece[from as usize..to as usize]);
    let mut parts = [Part { start: 0, rank: NONE }; SHORT + 1];
    let mut count = piece.len();
    for (at, part) in parts[..=count].iter_mut().enumerate() {
        let pair = if at + 2 <= count { rank(at as u32, at as u32 + 2) } else { NONE };
        *part = Part { start: at as u32, rank: pair };
    }
    loop {
        let mut lowest = (NONE, 0);
        for (at, part) in parts[..count].iter().enumerate() {
            if part.rank < lowest.0 {
                lowest = (part.rank, at);
            }
        }
        let (joined, at) = lowest;
        if joined == NONE {
            break;
        }
        parts.copy_within(at + 2..count + 1, at + 1);
        count -= 1;
        // `parts[count]` is the end of the piece.
        for left in at.saturating_sub(1)..=at {
            let pair = if left + 2 <= count { rank(parts[left].start, parts[left + 2].start) } else { NONE };
            parts[left].rank = pair;
        }
    }
    for pair in parts[..=count].windows(2) {
        each(&piece[pair[0].start as usize..pair[1].start as usize]);
    }
    count as u64
}

/// The same with a list of neighbours and a heap of pairs.
fn long(table: &Table, piece: &[u8], each: &mut impl FnMut(&[u8])) -> u64 {
    let length = piece.len();
    let rank = |from: usize, to: usize| Some(table.rank(&piece[from..to])).filter(|rank| *rank != NONE);
    // Of the part that starts at an index: where the next one starts, and where the one before. Parts that were joined
    // to the one before have `next` at zero.
    let mut next: Vec<usize> = (1..=length).collect();
    let mut before: Vec<usize> = (0..length).map(|at| at.wrapping_sub(1)).collect();
    let pairs = (0..length - 1).filter_map(|at| Some(Reverse((rank(at, at + 2)?, at, at + 2))));
    let mut heap: BinaryHeap<_> = pairs.collect();
    let mut count = length as u64;
    while let Some(Reverse((_, start, end))) = heap.pop() {
        let middle = next[start];
        // A pair is stale if one of its parts has grown or is gone.
        if middle == 0 || middle >= end || next[middle] != end {
            continue;
        }
        next[start] = end;
        next[middle] = 0;
        count -= 1;
        if end < length {
            before[end] = start;
            if let Some(rank) = rank(start, next[end]) {
                heap.push(Reverse((rank, start, next[end])));
            }
        }
        if let Some(left) = before.get(start).copied().filter(|left| *left < start)
            && let Some(rank) = rank(left, end)
        {
            heap.push(Reverse((rank, left, end)));
        }
    }
    let mut at = 0;
    while at < length {
        each(&piece[at..next[at]]);
        at = next[at];
    }
    count
}
