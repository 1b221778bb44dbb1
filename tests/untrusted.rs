//! Damaged files: an error, never a panic, and never much more memory than the file is large.
//!
//! A valid file is changed at random, and read. This is the only test of its program: it counts every allocation.

use gpt60::checkpoint::{Dtype, Json, SafeTensors, hugging_face, to_bytes};
use gpt60::{Config, Gpt2, Rng};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with two counters.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that `work` had at one time, beyond what was there before.
fn peak(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

const CONFIG: &str = r#"{"vocab_size": 11, "n_positions": 7, "n_embd": 6, "n_head": 2, "n_layer": 2,
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}"#;

/// Changes some bytes, cuts the end off, or doubles a part.
fn damage(bytes: &[u8], seed: u64, span: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(span.min(bytes.len()));
        match rng.below(6) {
            0 => bytes[at] = rng.below(256) as u8,
            1 => bytes[at] = b"0123456789[]{},:\" -.eE\\u"[rng.below(24)],
            2 => bytes[at] ^= 1 << rng.below(8),
            3 => bytes.truncate(at + 1),
            4 => {
                let part = bytes[at..(at + 1 + rng.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let end = (at + 1 + rng.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

#[test]
fn damaged_files_are_errors_that_cost_little_memory() {
    let mut rng = Rng::new(1);
    let model = Gpt2::random(&Config::new(11, 7, 6, 2, 2), &mut rng).unwrap();
    let whole = to_bytes(&model.parameters(), &[("format".into(), "pt".into())], Dtype::F16).unwrap();
    let n_header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let config = ProptestConfig { failure_persistence: None, cases: 3000, ..Default::default() };

    let (n_refused, n_read) = (Cell::new(0), Cell::new(0));
    proptest!(config.clone(), |(seed: u64)| {
        let bytes = damage(&whole, seed, 8 + n_header + 100);
        // F16 becomes f32: twice the data. The header's text becomes names, shapes and an error message.
        let limit = 2 * bytes.len() + 64 * n_header.min(bytes.len()) + (1 << 20);
        let mut refused = false;
        let used = peak(|| {
            refused = hugging_face::load_from_bytes(CONFIG, &bytes).is_err();
            if let Ok(mut file) = SafeTensors::<std::io::Cursor<&[u8]>>::from_bytes(&bytes) {
                for i in 0..file.header().tensors.len() {
                    let _ = file.read_tensor(i);
                }
            }
        });
        let count = if refused { &n_refused } else { &n_read };
        count.set(count.get() + 1);
        prop_assert!(used <= limit, "{used} bytes for a file of {}", bytes.len());
    });
    // Damage among the numbers or in the metadata is no error; damage elsewhere in the header is.
    let (n_refused, n_read) = (n_refused.get(), n_read.get());
    assert!(n_refused > 1000 && n_read > 10, "{n_refused} refused, {n_read} read");

    let n_refused = Cell::new(0);
    proptest!(config, |(seed: u64)| {
        let text = String::from_utf8_lossy(&damage(CONFIG.as_bytes(), seed, usize::MAX)).into_owned();
        let mut refused = false;
        let used = peak(|| {
            let _ = Json::parse(&text);
            refused = hugging_face::load_from_bytes(&text, &whole).is_err();
        });
        n_refused.set(n_refused.get() + usize::from(refused));
        prop_assert!(used <= 2 * whole.len() + 64 * (n_header + text.len()) + (1 << 20), "{used} bytes for {text:?}");
    });
    assert!(n_refused.get() > 1000, "{} refused", n_refused.get());
}
