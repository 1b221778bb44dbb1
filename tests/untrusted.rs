//! Damaged files: an error, never a panic, and never much more memory than the size of the file.
//!
//! Valid files are changed at random, others are made to deceive, and all are read. Every allocation of this program is
//! counted, so its tests take turns. `cargo test` tries some thousand files; to go on for an hour:
//!
//! ```text
//! GPT60_FUZZ_MINUTES=60 cargo test --test untrusted -- --ignored --nocapture
//! ```

#[path = "untrusted/forms.rs"]
mod forms;
#[path = "untrusted/gguf.rs"]
mod gguf;
#[path = "untrusted/tensorflow.rs"]
mod tensorflow;
#[path = "untrusted/torch.rs"]
mod torch;

use gpt60::checkpoint::{self, Dtype, Json, SafeTensors, safetensors};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Held by the test that counts.
static TURN: Mutex<()> = Mutex::new(());

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

/// The largest amount of memory that `work` held at one time, beyond what was in use before.
fn peak(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

const CONFIG: &str = r#"{"vocab_size": 11, "n_positions": 7, "n_embd": 6, "n_head": 2, "n_layer": 2,
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}"#;

/// Values that replace others.
const ODD: [&str; 20] = [
    "0",
    "-1",
    "1e999",
    "-0.0",
    "1.5",
    "1e2",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "null",
    "true",
    "\"\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[[[[]]]]",
    "\u{feff}",
    "\"\u{10ffff}\"",
    "nan",
    "\"F64\"",
];

/// Changes some bytes, cuts off the end, repeats or drops or moves a part, or puts an odd value in place of another.
/// Only the first `span` bytes are touched.
fn damage(bytes: &[u8], seed: u64, span: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut bytes = bytes.to_vec();
    let most = 1 + rng.below(4);
    for _ in 0..1 + rng.below(most) {
        let at = rng.below(span.min(bytes.len()));
        match rng.below(8) {
            0 => bytes[at] = rng.below(256) as u8,
            1 => bytes[at] = b"0123456789[]{},:\" -.eE\\u"[rng.below(24)],
            2 => bytes[at] ^= 1 << rng.below(8),
            3 => bytes.truncate(at + 1),
            4 => {
                let part = bytes[at..(at + 1 + rng.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let end = (at + 1 + rng.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                let part = bytes[at..(at + 1 + rng.below(40)).min(bytes.len())].to_vec();
                let to = rng.below(span.min(bytes.len()));
                bytes.splice(to..to, part);
            }
            _ => {
                // From one sign of JSON's to the next: a name, a number, a text.
                let is_sign = |byte: &u8| b"[]{},: \n".contains(byte);
                let begin = bytes[..at].iter().rposition(is_sign).map_or(0, |i| i + 1);
                let end = bytes[at..].iter().position(is_sign).map_or(bytes.len(), |i| at + i).max(begin);
                bytes.splice(begin..end, ODD[rng.below(ODD.len())].bytes());
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

/// Whether the bytes are refused, after checking that this costs little memory and gives one short line.
fn refused_cheaply(what: &str, bytes: &[u8]) -> bool {
    let mut error = None;
    let used = peak(|| error = SafeTensors::<std::io::Cursor<&[u8]>>::from_bytes(bytes).err());
    assert!(used <= 64 * bytes.len() + (1 << 20), "{what}: {used} bytes for a file of {}", bytes.len());
    let message = error.as_ref().map(|e| e.to_string()).unwrap_or_default();
    assert!(!message.contains('\n') && message.len() < 1000, "{what}: {message}");
    error.is_some()
}

/// Headers that promise more than the file holds, and headers that grow when they are read.
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

/// A configuration can promise more than the weights hold.
fn configurations_made_to_deceive_are_refused(whole: &[u8]) {
    for (from, to) in [
        (r#""n_layer": 2"#, r#""n_layer": 4294967295"#),
        (r#""n_layer": 2"#, r#""n_layer": 18446744073709551615"#),
        (r#""n_layer": 2"#, r#""n_layer": 3"#),
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
        let used = peak(|| refused = checkpoint::load_from_bytes(&config, whole).is_err());
        assert!(refused, "{to}");
        assert!(used <= 1 << 20, "{to}: {used} bytes");
    }
}

/// An F32 model is never in memory twice: at most 1.2 times the file.
fn a_model_is_loaded_in_its_own_size() {
    let model = Gpt2::zeros(&Config::new(5000, 64, 256, 4, 2)).unwrap();
    let bytes = safetensors::to_bytes(&model.parameters().unwrap(), &[], Dtype::F32).unwrap();
    drop(model);
    let config = r#"{"vocab_size": 5000, "n_positions": 64, "n_embd": 256, "n_head": 4, "n_layer": 2}"#;
    let mut loaded = None;
    let used = peak(|| loaded = checkpoint::load_from_bytes(config, &bytes).ok());
    assert!(loaded.is_some());
    assert!(used as f64 <= 1.2 * bytes.len() as f64, "{used} bytes for a file of {}", bytes.len());
}

/// The files of a model. The last two are read only if there is no `tokenizer.json`.
const FILES: [&str; 6] =
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"];

/// A valid directory, and a copy in which one file is damaged at a time.
struct Victim {
    /// The files and their bytes.
    files: Vec<(&'static str, Vec<u8>)>,
    dir: PathBuf,
    /// A header of a safetensors file, whose length is where its data begin.
    n_header: usize,
}

impl Victim {
    /// A model of `dtype` with a vocabulary, saved in the temporary directory.
    fn new(name: &str, dtype: Dtype) -> Victim {
        let text = "the fox, the moon and the other fox's 12 moons: \u{e9}t\u{e9} \u{1f98a}";
        let tokenizer = Tokenizer::learn(text, 270).unwrap();
        let config = Config::new(tokenizer.n_vocab(), 7, 6, 2, 2);
        let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        let dir = std::env::temp_dir().join(format!("gpt60-untrusted-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        checkpoint::save(&dir, &model, Some(&tokenizer), dtype).unwrap();
        let files: Vec<_> = FILES.iter().map(|name| (*name, fs::read(dir.join(name)).unwrap())).collect();
        let n_header = u64::from_le_bytes(files[0].1[..8].try_into().unwrap()) as usize;
        Victim { files, dir, n_header }
    }

    /// Damages one file, reads the directory, and repairs it. Returns whether it was refused, or what is wrong with the
    /// refusal.
    ///
    /// For vocab.json and merges.txt, tokenizer.json is set aside.
    fn try_file(&self, i: usize, seed: u64) -> Result<bool, String> {
        let (name, whole) = &self.files[i];
        let span = if i == 0 { 8 + self.n_header + 100 } else { usize::MAX };
        let bytes = damage(whole, seed, span);
        let path = self.dir.join(name);
        fs::write(&path, &bytes).unwrap();
        if i >= 4 {
            fs::rename(self.dir.join("tokenizer.json"), self.dir.join("aside")).unwrap();
        }

        // F16 becomes f32: twice the data. A header's text, and that of JSON, becomes names, shapes and a message.
        let n_text = self.n_header.min(bytes.len()) + self.files.iter().skip(1).map(|(_, b)| b.len()).sum::<usize>();
        let limit = 2 * bytes.len().max(self.files[0].1.len()) + 64 * (n_text + bytes.len()) + (1 << 20);
        let mut message = None;
        let used = peak(|| {
            message = checkpoint::load(&self.dir).err().map(|e| e.to_string());
            if i == 0
                && let Ok(mut file) = SafeTensors::<std::io::Cursor<&[u8]>>::from_bytes(&bytes)
            {
                for i in 0..file.header().tensors.len() {
                    let _ = file.read_tensor(i);
                }
            }
        });

        if i >= 4 {
            fs::rename(self.dir.join("aside"), self.dir.join("tokenizer.json")).unwrap();
        }
        fs::write(&path, whole).unwrap();
        let what = || format!("{name}, seed {seed}");
        if used > limit {
            return Err(format!("{}: {used} bytes of memory, more than {limit}", what()));
        }
        if let Some(message) = &message {
            let is_short = message.len() < 2000 && !message.contains('\n');
            if !is_short || !message.contains(&self.dir.display().to_string()) {
                return Err(format!("{}: the message is not a line that names the file: {message:?}", what()));
            }
        }
        Ok(message.is_some())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Tests JSON alone: anything accepted is written and read again as the same.
fn try_json(seed: u64) -> Result<bool, String> {
    let text = r#"{"a": [1, -2.5e-3, true, null, "x\u00e9\n\ud83e\udd8a"], "b": {"c": {}, "d": []}, "e": 18446744073709551615}"#;
    let text = String::from_utf8_lossy(&damage(text.as_bytes(), seed, usize::MAX)).into_owned();
    let mut outcome = Ok(true);
    let used = peak(|| {
        if let Ok(json) = Json::parse(&text) {
            let again = Json::parse(&json.to_pretty_string());
            outcome = match again {
                Ok(again) if again == json => Ok(false),
                _ => Err(format!("seed {seed}: {text:?} changes when it is written and read")),
            };
        }
    });
    if used > 300 * text.len() + (1 << 20) {
        return Err(format!("seed {seed}: {used} bytes of memory for {text:?}"));
    }
    outcome
}

#[test]
fn damaged_files_are_errors_that_cost_little_memory() {
    let _turn = TURN.lock().unwrap();
    files_made_to_deceive_are_refused();
    a_model_is_loaded_in_its_own_size();
    let model = Gpt2::random(&Config::new(11, 7, 6, 2, 2), &mut Rng::new(1)).unwrap();
    configurations_made_to_deceive_are_refused(
        &safetensors::to_bytes(&model.parameters().unwrap(), &[], Dtype::F16).unwrap(),
    );

    let victim = Victim::new("short", Dtype::F16);
    // Damage to the weights, the metadata, or an unused name is not an error; most other damage is.
    let counts = RefCell::new([[0; 2]; 7]);
    let config = ProptestConfig { failure_persistence: None, cases: 600, ..Default::default() };
    proptest!(config, |(seed: u64)| {
        for i in 0..7 {
            let refused = if i < 6 { victim.try_file(i, seed) } else { try_json(seed) };
            let refused = refused.map_err(TestCaseError::fail)?;
            counts.borrow_mut()[i][usize::from(refused)] += 1;
        }
    });
    for (i, [n_read, n_refused]) in counts.into_inner().into_iter().enumerate() {
        assert!(n_refused > 100 && n_read > 0, "file {i}: {n_refused} refused, {n_read} read");
    }
}

#[test]
fn damage_to_any_form_of_a_model_is_an_error_or_another_model() {
    let _turn = TURN.lock().unwrap();
    for name in forms::FORMS {
        let form = forms::Form::new(name);
        let outcomes: Vec<bool> =
            (0..60).map(|seed| form.try_file(seed).unwrap_or_else(|problem| panic!("{problem}"))).collect();
        assert!(outcomes.contains(&true), "{name}: nothing was refused");
    }
}

#[test]
#[ignore = "runs for GPT60_FUZZ_MINUTES, one if that is not set"]
fn damaged_files_for_as_long_as_you_like() {
    let _turn = TURN.lock().unwrap();
    let minutes = std::env::var("GPT60_FUZZ_MINUTES").map_or(1.0, |text| text.parse::<f64>().unwrap());
    let end = Instant::now() + Duration::from_secs_f64(60.0 * minutes);
    let victims = [Dtype::F32, Dtype::F16, Dtype::Bf16].map(|dtype| Victim::new(&dtype.to_string(), dtype));
    let forms = forms::FORMS.map(forms::Form::new);
    let names: Vec<&str> = FILES.into_iter().chain(["JSON alone"]).chain(forms::FORMS).collect();
    let mut counts = vec![[0_u64; 2]; names.len()];
    let mut slowest = vec![Duration::ZERO; names.len()];
    let mut seeds = Rng::new(std::env::var("GPT60_FUZZ_SEED").map_or(1, |text| text.parse().unwrap()));
    while Instant::now() < end {
        let seed = seeds.next_u64();
        for i in 0..names.len() {
            let start = Instant::now();
            let refused = match i {
                0..6 => victims[seed as usize % 3].try_file(i, seed),
                6 => try_json(seed),
                _ => forms[i - 7].try_file(seed),
            };
            let refused = refused.unwrap_or_else(|problem| panic!("{problem}"));
            counts[i][usize::from(refused)] += 1;
            slowest[i] = slowest[i].max(start.elapsed());
        }
    }
    for ((name, [n_read, n_refused]), slowest) in names.iter().zip(&counts).zip(slowest) {
        println!(
            "{name:<25} {:>9} tried, {n_refused:>9} refused, {n_read:>9} read; slowest {slowest:?}",
            n_read + n_refused
        );
    }
    println!("{} files in {minutes} minutes", counts.iter().flatten().sum::<u64>());
}
