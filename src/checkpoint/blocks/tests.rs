//! Every kind of block has the numbers that the Python package `gguf` finds in it: `tests/fixtures/blocks.py` made them.

use super::*;

const FIXTURE: &[u8] = include_bytes!("../../../tests/fixtures/blocks.bin");

/// The first `n` bytes of `rest`, which then begins after them.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(n);
    *rest = after;
    taken
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// The kind of the next record, and how many blocks it has.
fn begin<'a>(rest: &mut &'a [u8]) -> (&'a str, usize) {
    let name = std::str::from_utf8(take(rest, 8)).unwrap().trim_end_matches('\0');
    (name, u32::from_le_bytes(take(rest, 4).try_into().unwrap()) as usize)
}

#[test]
fn every_kind_of_block_has_the_numbers_that_the_reference_finds_in_it() {
    let mut rest = FIXTURE;
    for (kind, ..) in KINDS {
        let (name, n) = begin(&mut rest);
        assert_eq!(name, kind.name());
        let bytes = take(&mut rest, n * kind.n_bytes());
        let expected = floats(take(&mut rest, 4 * n * kind.n_numbers()));
        let mut found = vec![f32::NAN; expected.len()];
        assert!(kind.decode(bytes, &mut found), "{name}");
        // Both sides compute in f32, in the same order.
        assert_eq!(found, expected, "{name}");
        assert!(found.iter().any(|&x| x < 0.0) && found.iter().any(|&x| x > 0.0), "{name}");
    }
}

#[test]
fn q8_0_is_written_as_the_reference_writes_it_byte_for_byte() {
    let at = FIXTURE.windows(8).rposition(|bytes| bytes == b"encode\0\0").unwrap();
    let mut rest = &FIXTURE[at..];
    let (_, n) = begin(&mut rest);
    let numbers = floats(take(&mut rest, 4 * 32 * n));
    let mut found = Vec::new();
    encode_q8_0(&numbers, &mut found);
    assert_eq!(found, rest);
    // What is read again differs by half a step at most, and by what the scale lost in 16 bits, one part in 2048 of it.
    let mut again = vec![f32::NAN; numbers.len()];
    assert!(Blocks::Q8_0.decode(&found, &mut again));
    for (block, again) in numbers.chunks(32).zip(again.chunks(32)) {
        let largest = block.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
        let step = (largest / 127.0).max(2.0_f32.powi(-24));
        // A scale below 2^-14 is kept in steps of 2^-24, and 127 of it are wrong by up to half of that each.
        let lost = largest / 2048.0 + 127.0 * 2.0_f32.powi(-25);
        assert!(block.iter().zip(again).all(|(x, y)| (x - y).abs() <= 0.5001 * step + lost));
    }
}

#[test]
fn a_scale_that_is_no_number_is_noticed_in_every_kind() {
    // Where each kind has its numbers of 16 bits: see the layouts.
    for ((kind, ..), places) in KINDS.into_iter().zip([
        &[0][..],
        &[0, 2],
        &[0],
        &[0, 2],
        &[0],
        &[0],
        &[0],
        &[80, 82],
        &[108],
        &[0, 2],
        &[0, 2],
        &[208],
    ]) {
        let whole = vec![0; 3 * kind.n_bytes()];
        let mut out = vec![0.0; 3 * kind.n_numbers()];
        assert!(kind.decode(&whole, &mut out));
        for at in places {
            for bits in [0x7C00_u16, 0xFC00, 0x7E00] {
                let mut bytes = whole.clone();
                bytes[kind.n_bytes() + at..][..2].copy_from_slice(&bits.to_le_bytes());
                assert!(!kind.decode(&bytes, &mut out), "{kind:?}, {bits:#06x} at {at}");
            }
        }
    }
}

#[test]
fn the_largest_number_of_q8_0_has_a_finite_scale_and_one_a_little_larger_has_not() {
    for (largest, is_finite) in [(LARGEST_IN_Q8_0, true), (1.001 * LARGEST_IN_Q8_0, false)] {
        let mut bytes = Vec::new();
        encode_q8_0(&[largest; 32], &mut bytes);
        assert_eq!(Blocks::Q8_0.decode(&bytes, &mut [0.0; 32]), is_finite);
    }
}
