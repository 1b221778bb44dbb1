//! Damaged checkpoints of TensorFlow.

use super::{TURN, damage, peak};
use gpt60::checkpoint::load;
use proptest::prelude::*;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const INDEX: &str = "model.ckpt.index";

/// A copy of OpenAI's files of which the index is changed.
struct Victim {
    dir: PathBuf,
    index: Vec<u8>,
}

impl Victim {
    fn new(name: &str) -> Victim {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai/released");
        let dir = std::env::temp_dir().join(format!("gpt60-untrusted-tensorflow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        for file in ["checkpoint", "hparams.json", INDEX, "model.ckpt.data-00000-of-00001"] {
            fs::copy(fixture.join(file), dir.join(file)).unwrap();
        }
        Victim { index: fs::read(dir.join(INDEX)).unwrap(), dir }
    }

    /// Reads the model with these bytes in the place of one file, and returns whether it is refused, or what is wrong with
    /// that.
    fn is_refused(&self, file: &str, bytes: &[u8]) -> Result<bool, String> {
        fs::write(self.dir.join(file), bytes).unwrap();
        let mut message = None;
        let start = Instant::now();
        let used = peak(|| message = load(&self.dir).err().map(|e| e.to_string()));
        if start.elapsed() > Duration::from_secs(10) || used > 64 * bytes.len() + (1 << 20) {
            return Err(format!("{used} bytes of memory, {:?}", start.elapsed()));
        }
        match &message {
            Some(message) if message.len() > 2000 || message.contains('\n') => Err(format!("not a line: {message:?}")),
            Some(message) if !message.contains(&self.dir.display().to_string()) => Err(format!("no file: {message:?}")),
            message => Ok(message.is_some()),
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// CRC-32C, bit by bit, with the mask of a table.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The index with another data block, which has the right check sum, and the places after it moved.
pub(super) fn with_block(index: &[u8], contents: &[u8]) -> Vec<u8> {
    let varint = |mut n: usize| {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    let mut file = Vec::new();
    let mut push = |contents: &[u8]| {
        let begin = file.len();
        file.extend_from_slice(contents);
        file.push(0);
        let sum = masked_crc32c(&file[begin..]);
        file.extend_from_slice(&sum.to_le_bytes());
        [varint(begin), varint(contents.len())].concat()
    };
    let place = push(contents);
    let empty = push(&[0, 0, 0, 0, 1, 0, 0, 0]);
    let entry = [&[0, 1, place.len() as u8, b'n'], &place[..], &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
    let mut footer = [empty, push(&entry)].concat();
    footer.resize(40, 0);
    [file, footer, index[index.len() - 8..].to_vec()].concat()
}

/// The contents of the one data block of the fixture, with which the file begins. After its five last bytes comes the block
/// that the footer names first; where that is takes two bytes there.
pub(super) fn block(index: &[u8]) -> &[u8] {
    let footer = &index[index.len() - 48..];
    &index[..(usize::from(footer[0] & 0x7f) | usize::from(footer[1]) << 7) - 5]
}

#[test]
fn every_damaged_byte_of_an_index_is_found_at_once() {
    let _turn = TURN.lock().unwrap();
    let victim = Victim::new("bytes");
    let whole = &victim.index;
    assert_eq!(victim.is_refused(INDEX, whole), Ok(false));
    // In the footer, before the magic number, are bytes that are not used.
    let is_used = |i: usize| i < whole.len() - 48 || i >= whole.len() - 8;
    for i in 0..whole.len() {
        for change in [1, 0x80] {
            let mut bytes = whole.clone();
            bytes[i] ^= change;
            let refused = victim.is_refused(INDEX, &bytes).unwrap_or_else(|e| panic!("byte {i}, {change}: {e}"));
            assert!(refused || !is_used(i), "byte {i}, {change}");
        }
        assert_eq!(victim.is_refused(INDEX, &whole[..i]), Ok(true), "cut at {i}");
        let longer = [&whole[..i], &[0], &whole[i..]].concat();
        let refused = victim.is_refused(INDEX, &longer).unwrap_or_else(|e| panic!("longer at {i}: {e}"));
        assert!(refused || !is_used(i), "longer at {i}");
    }
    assert_eq!(victim.is_refused(INDEX, &[&whole[..], &[0]].concat()), Ok(true));
}

/// Whoever makes a file to deceive gives it the right sums.
#[test]
fn an_index_that_is_made_to_deceive_is_an_error_that_costs_little() {
    let _turn = TURN.lock().unwrap();
    let victim = Victim::new("sums");
    let contents = block(&victim.index);
    assert_eq!(victim.is_refused(INDEX, &with_block(&victim.index, contents)), Ok(false));
    // Each byte of the entries: lengths, names, shapes, places.
    for i in 0..contents.len() {
        for change in [1, 0x80] {
            let mut bytes = contents.to_vec();
            bytes[i] ^= change;
            let made = with_block(&victim.index, &bytes);
            victim.is_refused(INDEX, &made).unwrap_or_else(|e| panic!("byte {i}, {change}: {e}"));
        }
    }
    let (n_refused, n_read) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, cases: 700, ..Default::default() };
    proptest!(config, |(seed: u64)| {
        let made = with_block(&victim.index, &damage(contents, seed, usize::MAX));
        let refused = victim.is_refused(INDEX, &made).map_err(TestCaseError::fail)?;
        let count = if refused { &n_refused } else { &n_read };
        count.set(count.get() + 1);
    });
    assert!(n_refused.get() > 500 && n_read.get() > 0, "{} refused, {} read", n_refused.get(), n_read.get());
}

#[test]
fn the_small_files_beside_an_index_are_not_believed_either() {
    let _turn = TURN.lock().unwrap();
    // Without a name in `checkpoint`, the only index of the directory is read.
    for (file, least) in [("hparams.json", 100), ("checkpoint", 1)] {
        let victim = Victim::new(file);
        let whole = fs::read(victim.dir.join(file)).unwrap();
        let n_refused = Cell::new(0);
        let config = ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() };
        proptest!(config, |(seed: u64)| {
            let refused = victim.is_refused(file, &damage(&whole, seed, usize::MAX)).map_err(TestCaseError::fail)?;
            n_refused.set(n_refused.get() + usize::from(refused));
        });
        assert!(n_refused.get() >= least, "{file}: {} refused", n_refused.get());
    }
}
