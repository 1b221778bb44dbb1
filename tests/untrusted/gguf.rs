//! Damaged GGUF files.

use super::{TURN, damage, peak};
use gpt60::checkpoint::load;
use proptest::prelude::*;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The smallest fixture, and where its numbers begin: its first part ends with the last name, type and offset.
fn whole() -> (Vec<u8>, usize) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf/q4_0.gguf");
    let whole = fs::read(fixture).unwrap();
    let last = whole.windows(13).rposition(|bytes| bytes == b"output.weight").unwrap();
    (whole, (last + 13 + 4 + 16 + 4 + 8_usize).next_multiple_of(32))
}

/// A directory with one file.
struct Scratch {
    dir: PathBuf,
    file: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("gpt60-untrusted-gguf-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Scratch { file: dir.join("model.gguf"), dir }
    }

    /// Reads a file with these bytes. Returns whether it was refused, or what is wrong: an answer that took long, much memory,
    /// or more than a line.
    fn try_bytes(&self, bytes: &[u8]) -> Result<bool, String> {
        fs::write(&self.file, bytes).unwrap();
        let start = Instant::now();
        let mut message = None;
        let used = peak(|| message = load(&self.file).err().map(|e| e.to_string()));
        let time = start.elapsed();
        // The model of the fixture has 20,000 numbers, and little more can be promised by a file of its size.
        if used > 2 * bytes.len() + (1 << 20) {
            return Err(format!("{used} bytes of memory for a file of {}", bytes.len()));
        }
        // Milliseconds, on a machine that has nothing else to do.
        if time > Duration::from_secs(20) {
            return Err(format!("{time:?} for a file of {}", bytes.len()));
        }
        if let Some(message) = &message {
            let is_line = message.len() < 1000 && !message.contains('\n');
            if !is_line || !message.contains(&self.dir.display().to_string()) {
                return Err(format!("the message is not a line that names the file: {message:?}"));
            }
        }
        Ok(message.is_some())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn every_byte_before_the_numbers_may_be_wrong() {
    let _turn = TURN.lock().unwrap();
    let ((whole, start), scratch) = (whole(), Scratch::new("bytes"));
    assert_eq!(scratch.try_bytes(&whole), Ok(false));
    let (mut n_refused, mut n_read) = (0, 0);
    for at in 0..start {
        for change in [1 << (at % 8), 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            let refused = scratch.try_bytes(&bytes).unwrap_or_else(|e| panic!("byte {at} ^ {change:#04x}: {e}"));
            *(if refused { &mut n_refused } else { &mut n_read }) += 1;
        }
    }
    // Another name of the model or another token is no damage that could be seen; a length, a name or a place is.
    assert!(n_refused > start / 2 && n_read > 100, "{n_refused} refused, {n_read} read");
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let _turn = TURN.lock().unwrap();
    let ((whole, start), scratch) = (whole(), Scratch::new("cut"));
    // The last tensor fills whole multiples of 32 bytes: nothing after it is only padding.
    for n in (0..start).chain((start..whole.len()).step_by(97)).chain([whole.len() - 1]) {
        assert_eq!(scratch.try_bytes(&whole[..n]), Ok(true), "{n} bytes");
    }
}

#[test]
fn a_length_that_is_not_true_costs_nothing() {
    let _turn = TURN.lock().unwrap();
    let ((whole, start), scratch) = (whole(), Scratch::new("lengths"));
    let mut n_refused = 0;
    // Wherever a length may stand.
    for at in 0..start - 8 {
        for length in [[1 << 20, 1 << 31, 1 << 40, u64::MAX >> 1][at % 4], u64::MAX] {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            let refused = scratch.try_bytes(&bytes).unwrap_or_else(|e| panic!("{length} at byte {at}: {e}"));
            n_refused += usize::from(refused);
        }
    }
    assert!(n_refused > start, "{n_refused} refused");
}

#[test]
fn damaged_gguf_files_are_errors_that_cost_little_memory() {
    let _turn = TURN.lock().unwrap();
    let ((whole, start), scratch) = (whole(), Scratch::new("random"));
    let (n_refused, n_read) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, cases: 700, ..Default::default() };
    proptest!(config, |(seed: u64)| {
        // Anywhere, or before the numbers.
        let bytes = damage(&whole, seed, if seed.is_multiple_of(4) { usize::MAX } else { start });
        let refused = scratch.try_bytes(&bytes).map_err(|e| TestCaseError::fail(format!("seed {seed}: {e}")))?;
        let count = if refused { &n_refused } else { &n_read };
        count.set(count.get() + 1);
    });
    assert!(n_refused.get() > 500 && n_read.get() > 0, "{} refused, {} read", n_refused.get(), n_read.get());
}

/// The first part of a file with so many tensors and entries, which follow.
fn begin(n_tensors: u64, n_entries: u64) -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend_from_slice(&n_tensors.to_le_bytes());
    bytes.extend_from_slice(&n_entries.to_le_bytes());
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// An entry of an array of `n` elements, which follow.
fn array(key: &str, kind: u32, n: u64) -> Vec<u8> {
    [&text(key)[..], &9_u32.to_le_bytes(), &kind.to_le_bytes(), &n.to_le_bytes()].concat()
}

#[test]
fn files_made_to_deceive_are_refused_at_the_price_of_their_size() {
    let _turn = TURN.lock().unwrap();
    let scratch = Scratch::new("deceive");
    let n = 300_000;
    let architecture = [&text("general.architecture")[..], &8_u32.to_le_bytes(), &text("gpt2")].concat();
    for (what, bytes) in [
        ("many entries", [begin(0, n), [&text("")[..], &[0, 0, 0, 0, 7]].concat().repeat(n as usize)].concat()),
        ("one key many times", [begin(0, n), architecture.repeat(n as usize)].concat()),
        ("many tensors", [begin(n, 0), vec![0; 24 * n as usize]].concat()),
        ("as many tensors as are allowed", [begin(10_000, 0), vec![0; 240_000]].concat()),
        ("empty tokens", [begin(0, 1), array("tokenizer.ggml.tokens", 8, n), vec![0; 8 * n as usize]].concat()),
        ("empty merges", [begin(0, 1), array("tokenizer.ggml.merges", 8, n), vec![0; 8 * n as usize]].concat()),
        ("types", [begin(0, 1), array("tokenizer.ggml.token_type", 5, n), vec![0; 4 * n as usize]].concat()),
        ("a long text", [begin(0, 1), text("general.name"), vec![8, 0, 0, 0], text(&"x".repeat(1 << 22))].concat()),
        ("a long key", [begin(0, 1), text(&"x".repeat(1 << 22)), vec![7, 0, 0, 0, 1]].concat()),
        ("an array of nothing", [begin(0, 1), array("x", 0, u64::MAX)].concat()),
        ("an array of texts", [begin(0, 1), array("x", 8, u64::MAX)].concat()),
        ("arrays in arrays", [begin(0, 1), array("x", 9, 1), [9, 0, 0, 0, 1].repeat(100_000)].concat()),
        ("entries that are not there", begin(0, u64::MAX)),
        ("tensors that are not there", begin(u64::MAX, 0)),
    ] {
        assert_eq!(scratch.try_bytes(&bytes), Ok(true), "{what}");
    }
}
