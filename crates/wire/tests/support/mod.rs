//! What the test files share.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

/// A small deterministic generator (xorshift64*), so that a failure repeats.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `bound`, or 0 if there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).map_or(0, |number| number.checked_rem(bound).unwrap_or(0))
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Parts `bytes` at `cuts` random places; empty parts occur.
    pub(crate) fn cut<'a>(&mut self, bytes: &'a [u8], cuts: usize) -> Vec<&'a [u8]> {
        let mut places: Vec<usize> = (0..cuts).map(|_| self.below(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
    }
}

/// One to four random changes to some bytes, biased to what matters to a parser.
pub(crate) fn mutate(random: &mut Random, bytes: &mut Vec<u8>, alphabet: &[u8]) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let byte = *random.pick(alphabet);
        match random.below(5) {
            0 if !bytes.is_empty() => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            _ => {
                let end = at + random.below(bytes.len() - at + 1);
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
        }
        bytes.truncate(4096);
    }
}
