//! The tokens of a vocabulary, found by their bytes.

/// Tokens by rank, and ranks by token. The bytes stay where they are in the executable.
pub(crate) struct Table {
    /// Each token's length in a byte, then its bytes, in the order of ranks.
    packed: &'static [u8],
    /// Where each token's bytes start in `packed`.
    starts: Vec<u32>,
    /// Half of the hash and rank by the other half, with open addressing: a look-up in vain reads nothing else.
    slots: Vec<u64>,
    /// Ranks of the tokens of two bytes, which are looked up most.
    pairs: Vec<u32>,
    longest: usize,
}

/// No token has this rank.
pub(crate) const NONE: u32 = u32::MAX;
const FREE: u64 = u64::MAX;

impl Table {
    /// Reads a packed vocabulary; takes some ten milliseconds.
    pub(crate) fn new(packed: &'static [u8]) -> Self {
        let mut starts = Vec::with_capacity(packed.len() / 7);
        let (mut at, mut longest) = (0, 0);
        while let Some(length) = packed.get(at) {
            starts.push(at as u32 + 1);
            longest = longest.max(usize::from(*length));
            at += 1 + usize::from(*length);
        }
        let slots = vec![FREE; (starts.len() * 2).next_power_of_two()];
        let mut table = Self { packed, slots, starts, pairs: vec![NONE; 1 << 16], longest };
        for rank in 0..table.starts.len() as u32 {
            let token = table.token(rank).unwrap_or_default();
            if let [first, second] = token {
                table.pairs[usize::from(u16::from_le_bytes([*first, *second]))] = rank;
            }
            let hash = hash(token);
            let mut slot = table.slot(hash);
            while table.slots[slot] != FREE {
                slot = table.slot(slot as u64 + 1);
            }
            table.slots[slot] = hash & !u64::from(NONE) | u64::from(rank);
        }
        table
    }

    /// The bytes of the token with that rank.
    #[inline]
    pub(crate) fn token(&self, rank: u32) -> Option<&'static [u8]> {
        let start = *self.starts.get(rank as usize)? as usize;
        let length = usize::from(*self.packed.get(start - 1)?);
        self.packed.get(start..start + length)
    }

    /// The rank of the token with these bytes, or [`NONE`].
    #[inline]
    pub(crate) fn rank(&self, bytes: &[u8]) -> u32 {
        if let [first, second] = bytes {
            return self.pairs[usize::from(u16::from_le_bytes([*first, *second]))];
        }
        if bytes.len() > self.longest {
            return NONE;
        }
        let hash = hash(bytes);
        let mut slot = self.slot(hash);
        // There is always a free slot, since half of them are.
        loop {
            let found = self.slots[slot];
            if found == FREE {
                return NONE;
            }
            if found >> 32 == hash >> 32 && self.token(found as u32) == Some(bytes) {
                return found as u32;
            }
            slot = self.slot(slot as u64 + 1);
        }
    }

    #[inline]
    fn slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }
}

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = bytes.len() as u64;
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*eight)).wrapping_mul(FACTOR);
    }
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    hash = (hash.rotate_left(5) ^ last).wrapping_mul(FACTOR);
    // The upper bits are the well mixed ones; the lower ones choose the slot.
    hash ^ hash >> 32
}
