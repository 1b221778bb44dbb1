//! Damaged files: an error, never a panic, and never much more memory than the file is large.
//!
//! Valid files are changed at random, others are made to deceive, and all are read. This is the only test of its
//! program: it counts every allocation.

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

/// A file with this header and no data.
fn without_data(header: &str) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

/// Whether the bytes are refused, after checking that this costs little memory and is said in one short line.
fn refused_cheaply(what: &str, bytes: &[u8]) -> bool {
    let mut error = None;
    let used = peak(|| error = SafeTensors::<std::io::Cursor<&[u8]>>::from_bytes(bytes).err());
    assert!(used <= 64 * bytes.len() + (1 << 20), "{what}: {used} bytes for a file of {}", bytes.len());
    let message = error.as_ref().map(|e| e.to_string()).unwrap_or_default();
    assert!(!message.contains('\n') && message.len() < 1000, "{what}: {message}");
    error.is_some()
}

/// Headers that promise what the file does not hold, and headers that grow when they are read.
fn files_made_to_deceive_are_refused() {
    let entry =
        |shape: &str, end: &str| format!(r#"{{"a":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,{end}]}}}}"#);
    for (shape, end) in [
        ("250000000000", "1000000000000"),
        ("4611686018427387904", "0"), // 2^62 numbers of 4 bytes: 2^64, which 64 bits hold as 0
        ("0,4294967296,4294967296", "0"),
        ("18446744073709551615", "18446744073709551612"),
        ("1", "4"),
    ] {
        assert!(refused_cheaply(shape, &without_data(&entry(shape, end))), "{shape}");
    }
    for length in [9, 1 << 26, 100_000_000, 1 << 40, u64::MAX] {
        let mut bytes = u64::to_le_bytes(length).to_vec();
        bytes.extend_from_slice(b"{}");
        assert!(refused_cheaply("length", &bytes), "{length}");
    }
    let n = 100_000;
    let list = |element: &str| format!(r#"{{"a":[{}]}}"#, vec![element; n].join(","));
    let deep = format!("{}0{}", "[".repeat(90), "]".repeat(90));
    for (what, header) in [
        ("numbers", list("0")),
        ("texts", list("\"\"")),
        ("empty lists", list("[]")),
        ("lists of one", list("[0]")),
        ("lists of lists", list("[[[[0]]]]")),
        ("deep lists", format!(r#"{{"a":[{}]}}"#, vec![deep.as_str(); 1000].join(","))),
        ("objects", list(r#"{"":{"":0}}"#)),
        ("keys", format!("{{{}}}", (0..n).map(|i| format!("\"{i:x}\":0")).collect::<Vec<_>>().join(","))),
        ("a long shape", entry(&vec!["1"; n].join(","), "4")),
        ("a long name", format!("{{\"{}\":0}}", "x".repeat(n))),
        ("a long name in escapes", format!("{{\"{}\":0}}", "\\u0041".repeat(n))),
        ("brackets", "[".repeat(n)),
    ] {
        assert!(refused_cheaply(what, &without_data(&header)), "{what}");
    }
}

/// A configuration can promise what the weights do not hold.
fn configurations_made_to_deceive_are_refused(whole: &[u8]) {
    for (from, to) in [
        (r#""n_layer": 2"#, r#""n_layer": 4294967295"#),
        (r#""n_layer": 2"#, r#""n_layer": 18446744073709551615"#),
        (r#""n_layer": 2"#, r#""n_layer": 3"#),
        (r#""n_layer": 2"#, r#""n_layer": 1"#),
        (r#""vocab_size": 11"#, r#""vocab_size": 4294967295"#),
        (r#""n_positions": 7"#, r#""n_positions": 4294967295"#),
        (r#""n_embd": 6"#, r#""n_embd": 4294967294"#),
        (r#""n_embd": 6"#, r#""n_embd": 18446744073709551614"#),
        (r#""n_embd": 6"#, r#""n_embd": 6, "n_inner": 4294967295"#),
        (r#""n_head": 2"#, r#""n_head": 0"#),
    ] {
        let config = CONFIG.replace(from, to);
        assert_ne!(config, CONFIG);
        let mut refused = false;
        let used = peak(|| refused = hugging_face::load_from_bytes(&config, whole).is_err());
        assert!(refused, "{to}");
        assert!(used <= 1 << 20, "{to}: {used} bytes");
    }
}

/// An F32 model is never in memory twice: at most 1.2 times the file.
fn a_model_is_loaded_in_its_own_size() {
    let model = Gpt2::zeros(&Config::new(5000, 64, 256, 4, 2)).unwrap();
    let bytes = to_bytes(&model.parameters(), &[], Dtype::F32).unwrap();
    drop(model);
    let config = r#"{"vocab_size": 5000, "n_positions": 64, "n_embd": 256, "n_head": 4, "n_layer": 2}"#;
    let mut loaded = None;
    let used = peak(|| loaded = hugging_face::load_from_bytes(config, &bytes).ok());
    assert!(loaded.is_some());
    assert!(used as f64 <= 1.2 * bytes.len() as f64, "{used} bytes for a file of {}", bytes.len());
}

#[test]
fn damaged_files_are_errors_that_cost_little_memory() {
    files_made_to_deceive_are_refused();
    a_model_is_loaded_in_its_own_size();

    let mut rng = Rng::new(1);
    let model = Gpt2::random(&Config::new(11, 7, 6, 2, 2), &mut rng).unwrap();
    let whole = to_bytes(&model.parameters(), &[("format".into(), "pt".into())], Dtype::F16).unwrap();
    let n_header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    configurations_made_to_deceive_are_refused(&whole);
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
