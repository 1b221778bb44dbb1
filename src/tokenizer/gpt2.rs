//! GPT-2's own vocabulary, built into the program.
//!
//! OpenAI learned 50,000 merges from text of the web and published them. With the 256 bytes and `<|endoftext|>` they
//! make the 50,257 tokens that every GPT-2 model knows. They are embedded here: encoding needs no file and no network.
//!
//! `gpt2_merges.bin` is 200,000 bytes: for each merge the ids of its two parts, two bytes each, low byte first. The
//! spelling of a token follows from its parts. `gpt2_merges.py` made the file; its copyright and licence are in
//! `gpt2_merges.NOTICE`.

/// The table as it is on disk.
const MERGES: &[u8] = include_bytes!("gpt2_merges.bin");

/// The 50,000 merges by rank: the ids of the two parts. Merge number i makes token 256 + i.
pub(super) fn gpt2_merges() -> Vec<(u32, u32)> {
    let id = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]));
    MERGES.chunks_exact(4).map(|m| (id(m[0], m[1]), id(m[2], m[3]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_50000_merges_and_each_uses_only_earlier_tokens() {
        let merges = gpt2_merges();
        assert_eq!(merges.len(), 50_000);
        for (&(left, right), result) in merges.iter().zip(256..) {
            assert!(left < result && right < result, "merge {result} = {left} + {right}");
        }
    }
}
