//! The bytes of all tokens, by id.
//!
//! Decoding looks tokens up and does nothing else: their layout in memory decides how fast it is. Here all their bytes
//! are in a single list, one token after the other in the order of the ids, and a second list says where each begins:
//!
//! ```text
//! bytes     ! " # ... Ġ t Ġ a h e i n ...
//! starts    0 1 2 ... 256 258 260 262 ...
//! ```
//!
//! In a list of lists, each token would be somewhere else, behind a pointer that must be followed first.

use std::ops::Range;

/// Nearly all tokens have at most this many bytes.
const USUAL: usize = 16;

/// The bytes of all tokens, by id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenTable {
    /// All ids, the smallest first. In nearly every vocabulary they are 0, 1, 2 and so on, but they need not be.
    ids: Vec<u32>,
    /// Where the bytes of each token begin, and finally where those of the last token end. [n_tokens + 1]
    starts: Vec<usize>,
    /// The bytes, and [`USUAL`] zeros after them.
    bytes: Vec<u8>,
}

impl TokenTable {
    /// The table of these tokens, which must come in the order of their ids.
    pub fn new(tokens: impl IntoIterator<Item = (u32, Vec<u8>)>) -> TokenTable {
        let mut table = TokenTable { ids: Vec::new(), starts: vec![0], bytes: Vec::new() };
        for (id, token) in tokens {
            table.ids.push(id);
            table.bytes.extend_from_slice(&token);
            table.starts.push(table.bytes.len());
        }
        table.bytes.extend([0; USUAL]);
        table
    }

    /// All ids, the smallest first.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The bytes of a token, or `None` if no token has this id.
    pub fn get(&self, id: u32) -> Option<&[u8]> {
        self.place(id).map(|place| &self.bytes[place])
    }

    /// Where the bytes of a token are.
    fn place(&self, id: u32) -> Option<Range<usize>> {
        // If no id is left out, an id is its own index.
        let i = if self.ids.get(id as usize) == Some(&id) { id as usize } else { self.ids.binary_search(&id).ok()? };
        Some(self.starts[i]..self.starts[i + 1])
    }

    /// The bytes of several tokens, one after the other, or the first id that no token has.
    ///
    /// Copying a number of bytes that is known beforehand takes one or two instructions; copying three bytes here and
    /// eight there takes a call and several decisions. That is why [`USUAL`] bytes are always copied. The next token
    /// overwrites the surplus.
    pub fn concat(&self, ids: &[u32]) -> Result<Vec<u8>, u32> {
        let mut n = 0;
        for &id in ids {
            n += self.place(id).ok_or(id)?.len();
        }
        let mut all = vec![0; n + USUAL];
        let mut end = 0;
        for &id in ids {
            let place = self.place(id).ok_or(id)?;
            all[end..end + USUAL].copy_from_slice(&self.bytes[place.start..place.start + USUAL]);
            if place.len() > USUAL {
                all[end..end + place.len()].copy_from_slice(&self.bytes[place.clone()]);
            }
            end += place.len();
        }
        all.truncate(n);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_that_was_left_out_has_no_bytes() {
        let table = TokenTable::new([(0, b"a".to_vec()), (2, b"bc".to_vec()), (u32::MAX, b"d".to_vec())]);
        assert_eq!(table.get(0), Some(&b"a"[..]));
        assert_eq!(table.get(2), Some(&b"bc"[..]));
        assert_eq!(table.get(u32::MAX), Some(&b"d"[..]));
        for id in [1, 3, u32::MAX - 1] {
            assert_eq!(table.get(id), None);
            assert_eq!(table.concat(&[0, id, 5]), Err(id));
        }
        assert_eq!(TokenTable::new([]).get(0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Tokens of all lengths, shorter and longer than the usual, with ids that leave some out.
        #[test]
        fn tokens_are_put_side_by_side(
            tokens in prop::collection::btree_map(0u32..60, prop::collection::vec(any::<u8>(), 1..40), 1..50),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
        ) {
            let table = TokenTable::new(tokens.clone());
            let all: Vec<u32> = tokens.keys().copied().collect();
            prop_assert_eq!(table.ids(), &all[..]);
            let ids: Vec<u32> = picks.iter().map(|pick| *pick.get(&all)).collect();
            let expected: Vec<u8> = ids.iter().flat_map(|id| tokens[id].clone()).collect();
            prop_assert_eq!(table.concat(&ids), Ok(expected));
            for id in 0..60 {
                prop_assert_eq!(table.get(id), tokens.get(&id).map(Vec::as_slice));
            }
        }
    }
}
