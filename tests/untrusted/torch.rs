//! Damaged files of PyTorch.

use super::{TURN, damage, peak};
use gpt60::checkpoint::load;
use proptest::prelude::*;
use std::cell::Cell;
use std::fs;
use std::path::Path;

#[test]
fn damaged_files_of_pytorch_are_errors_that_cost_little_memory() {
    let _turn = TURN.lock().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats/torch");
    let whole = fs::read(fixture.join("pytorch_model.bin")).unwrap();
    let dir = std::env::temp_dir().join(format!("gpt60-untrusted-torch-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::copy(fixture.join("config.json"), dir.join("config.json")).unwrap();
    let path = dir.join("pytorch_model.bin");
    let list = whole.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let (n_refused, n_read) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, cases: 700, ..Default::default() };
    proptest!(config, |(seed: u64)| {
        // Anywhere, in the pickle, or in the list of contents at the end.
        let bytes = match seed % 3 {
            0 => damage(&whole, seed, usize::MAX),
            1 => damage(&whole, seed, 4000),
            _ => [&whole[..list], &damage(&whole[list..], seed, usize::MAX)].concat(),
        };
        fs::write(&path, &bytes).unwrap();
        let mut message = None;
        let used = peak(|| message = load(&dir).err().map(|e| e.to_string()));
        prop_assert!(used <= 64 * whole.len() + (1 << 20), "seed {}: {} bytes of memory", seed, used);
        if let Some(message) = &message {
            let is_line = message.len() < 2000 && !message.contains('\n');
            prop_assert!(is_line && message.contains(&dir.display().to_string()), "seed {}: {:?}", seed, message);
        }
        let count = if message.is_some() { &n_refused } else { &n_read };
        count.set(count.get() + 1);
    });
    fs::remove_dir_all(dir).unwrap();
    assert!(n_refused.get() > 500 && n_read.get() > 0, "{} refused, {} read", n_refused.get(), n_read.get());
}
