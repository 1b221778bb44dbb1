//! A quick hash for the tables of the tokenizer.
//!
//! A hash table finds a key by a number computed from it, the key's *hash*. Encoding looks up a great many words and
//! pairs, and the time to compute this number matters. The hash of `std`, SipHash, contains a secret: nobody can choose
//! keys that all get the same place in a table and make it slow. That is the right default, and it takes time. Here the
//! keys are the pairs of a vocabulary and the words of a text to learn from: files that you chose to use. Someone who
//! made such a file for the purpose could make it slow to read, but nothing else. The words of a text to encode, which
//! may come from anywhere, go into a table that equal places cannot slow down (`known_words.rs`).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A `HashMap` with the quick hash.
pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

/// The hash of one key while its parts come in.
///
/// Each part is combined with the hash so far, and the result multiplied by an odd number without any pattern in its
/// bits: 2^64 divided by the golden ratio. A product carries each bit of the input into all the bits above it, so its
/// upper half depends on everything; `finish` lays that half over the lower one. (Multiplicative hashing: Knuth, The
/// Art of Computer Programming, volume 3, section 6.4.)
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn write_u64(&mut self, part: u64) {
        // Rotated: the same parts in another order give another hash.
        self.0 = (self.0.rotate_left(5) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_u32(&mut self, part: u32) {
        self.write_u64(u64::from(part));
    }

    /// Eight bytes at a time; the last ones are filled up with zeros.
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(eight));
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::gpt2::gpt2_merges;
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};

    fn hash(key: impl Hash) -> u64 {
        BuildHasherDefault::<QuickHasher>::new().hash_one(key)
    }

    #[test]
    fn the_order_of_the_parts_and_each_byte_of_a_word_matter() {
        assert_ne!(hash((1u32, 2u32)), hash((2u32, 1u32)));
        let word = *b"extraordinarily";
        for i in 0..word.len() {
            let mut other = word;
            other[i] ^= 1;
            assert_ne!(hash(word), hash(other), "byte {i}");
        }
    }

    /// 50,000 keys thrown at random into 65,536 places fill 1 - e^(-50000/65536) of them: 34,980.
    #[test]
    fn the_pairs_of_gpt2_spread_over_a_table_as_if_at_random() {
        for shift in [0, 8, 48] {
            let places: HashSet<u64> = gpt2_merges().iter().map(|pair| (hash(pair) >> shift) & 0xFFFF).collect();
            assert!((34_000..36_000).contains(&places.len()), "{} places", places.len());
        }
    }
}
