//! llama.cpp's form of a GPT-2, GGUF: read and written.
//!
//! `fixtures/gguf_files.py` made one model in five files with the Python package `gguf`, computed the logits of each with
//! transformers, and names the versions.

#[path = "gguf/written.rs"]
mod written;

use gpt60::Tensor;
use gpt60::checkpoint::{Dtype, Json, load, load_tokenizer, no_vocabulary};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf").join(name)
}

fn expected() -> Json {
    Json::parse(&fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

/// An empty directory for one test.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-gguf-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The one line with which the file is refused, without its path.
fn refusal(file: &Path) -> String {
    let message = load(file).map(|_| ()).expect_err("a refusal").to_string();
    assert!(!message.contains('\n') && message.len() < 500, "{message}");
    let start = format!("{}: ", file.display());
    message.strip_prefix(&start).unwrap_or_else(|| panic!("{message}")).to_string()
}

const FILES: [&str; 5] = ["f32", "f16", "bf16", "q8_0", "q4_0"];

#[test]
fn each_file_has_the_logits_that_transformers_computes_with_its_numbers() {
    let expected = expected();
    let prompt = ids(expected.get("ids").unwrap());
    for name in FILES {
        let rows = expected.get("logits").unwrap().get(name).unwrap().as_array().unwrap();
        let numbers = rows.iter().flat_map(|row| row.as_array().unwrap()).map(|x| x.as_f32().unwrap()).collect();
        let model = load(fixture(&format!("{name}.gguf"))).unwrap().model;
        let logits = model.logits(&prompt).unwrap();
        let last = logits.data()[logits.len() - 3 * 48..].to_vec();
        // One side computes in float32, the other in float64: about 1e-6.
        let expected = Tensor::new(&[3, 48], numbers).unwrap();
        assert_eq!(Tensor::new(&[3, 48], last).unwrap().check_close(&expected, 1e-5), Ok(()), "{name}");
        // The last file has a head of its own.
        assert_eq!(model.lm_head.is_some(), name == "q4_0");
    }
}

#[test]
fn the_vocabulary_gives_the_ids_that_the_library_tokenizers_gives() {
    let checkpoint = load(fixture("q8_0.gguf")).unwrap();
    assert_eq!(checkpoint.notes, [""; 0]);
    let tokenizer = checkpoint.tokenizer.as_ref().unwrap();
    for case in expected().get("texts").unwrap().as_array().unwrap() {
        let text = case.get("text").unwrap().as_str().unwrap();
        assert_eq!(tokenizer.encode(text), ids(case.get("ids").unwrap()), "{text}");
    }
    // Rows without a token are no tokens.
    assert_eq!((tokenizer.n_vocab(), checkpoint.model.config.n_vocab), (45, 48));
    assert_eq!(
        tokenizer.added().iter().map(|t| (t.id, t.special)).collect::<Vec<_>>(),
        [(42, true), (43, false), (44, true)]
    );
    assert_eq!((checkpoint.begin_id(), checkpoint.end_ids.as_slice()), (Some(42), &[44][..]));
    assert_eq!(load_tokenizer(fixture("q8_0.gguf")).unwrap().as_ref(), Some(tokenizer));
}

#[test]
fn what_a_file_says_is_said_by_a_copy_of_it_in_the_form_of_hugging_face() {
    let dir = scratch("copy");
    let checkpoint = load(fixture("f32.gguf")).unwrap();
    checkpoint.save(&dir, Dtype::F32).unwrap();
    let copy = load(&dir).unwrap();
    assert!(copy.model == checkpoint.model && copy.tokenizer == checkpoint.tokenizer);
    assert_eq!((copy.end_ids.as_slice(), copy.begin_id()), (&[44][..], Some(42)));
    let settings = Json::parse(&fs::read_to_string(dir.join("tokenizer_config.json")).unwrap()).unwrap();
    assert_eq!(settings.get("bos_token").unwrap().as_str(), Some("<|endoftext|>"));
    assert_eq!(settings.get("eos_token").unwrap().as_str(), Some("<|mark|>"));
    // A template for dialogues, and another token that ends a text.
    let text = b"\x05\0\0\0\0\0\0\0{{x}}";
    let more =
        with_entries(&[("tokenizer.chat_template", 8, text), ("tokenizer.ggml.eot_token_id", 4, &[43, 0, 0, 0])]);
    fs::write(dir.join("more.gguf"), more).unwrap();
    load(dir.join("more.gguf")).unwrap().save(dir.join("more"), Dtype::F32).unwrap();
    assert_eq!(fs::read_to_string(dir.join("more/chat_template.jinja")).unwrap(), "{{x}}");
    assert_eq!(load(dir.join("more")).unwrap().end_ids, [44, 43]);
    fs::remove_dir_all(dir).unwrap();
}

/// The fixture's bytes with more entries in front. They are made to take a multiple of 32 bytes, so the numbers stay where the
/// list of tensors says.
fn with_entries(more: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = fs::read(fixture("q4_0.gguf")).unwrap();
    let text = |text: &[u8]| [&(text.len() as u64).to_le_bytes(), text].concat();
    let mut entries: Vec<u8> = Vec::new();
    for (key, kind, value) in more {
        entries.extend([&text(key.as_bytes())[..], &kind.to_le_bytes(), value].concat());
    }
    let filled = (entries.len() + 8 + 1 + 4 + 8).next_multiple_of(32) - entries.len() - 8 - 1 - 4 - 8;
    entries.extend([&text(b"x")[..], &8_u32.to_le_bytes(), &text(&vec![b'x'; filled])].concat());
    let n = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + more.len() as u64 + 1;
    bytes[16..24].copy_from_slice(&n.to_le_bytes());
    bytes.splice(24..24, entries);
    bytes
}

/// The fixture's bytes with `from`, which is there once, replaced by `to`, which is as long.
fn with(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = fs::read(fixture("q4_0.gguf")).unwrap();
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(from.as_bytes())).collect();
    assert!(places.len() == 1 && from.len() == to.len(), "{from}: {places:?}");
    bytes[places[0]..][..to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn what_is_not_a_gpt2_is_refused_by_name_with_its_remedy() {
    let dir = scratch("refused");
    let path = dir.join("x.gguf");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        refusal(&path)
    };
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let version = |bytes: [u8; 4]| [b"GGUF", &bytes[..], &[0; 32]].concat();
    let architecture = |name: &str| {
        let bytes = fs::read(fixture("q4_0.gguf")).unwrap();
        let at = bytes.windows(12).position(|b| b == b"\x04\0\0\0\0\0\0\0gpt2").unwrap();
        [&bytes[..at], &text(name), &bytes[at + 12..]].concat()
    };
    for (bytes, expected) in [
        (version([1, 0, 0, 0]), "GGUF: it is of version 1 of the format, which was in use for some weeks in 2023"),
        (
            version([0, 0, 0, 3]),
            "GGUF: it was written for machines that put the highest byte of a number first: `gguf-conv",
        ),
        (version([4, 0, 0, 0]), "GGUF: it is of version 4 of the format, and versions 2 and 3 are read here"),
        (architecture("llama"), "is a \"llama\", and only \"gpt2\" is read here"),
        (
            with_entries(&[("split.count", 2, &[3, 0])]),
            "is one of 3 files of a model: `llama-gguf-split --merge FIRST OUT`",
        ),
        (with_entries(&[("gpt2.attention.head_count_kv", 4, &[1, 0, 0, 0])]), "`gpt2.attention.head_count_kv` is 1"),
        (with("general.type", "general.typo"), ""),
        (with("gpt2.context_length", "gpt2.context_width_"), "GGUF: `gpt2.context_length` is missing"),
        (with("token_embd.weight", "token_embd.wait__"), "GGUF: it has no `token_embd.weight`"),
        (with("blk.1.ffn_up.bias", "blk.1.ffn_xp.bias"), "tensor \"blk.1.ffn_up.bias\": is missing"),
        (
            with_entries(&[("tokenizer.ggml.add_bos_token", 7, &[1])]),
            "GGUF: `tokenizer.ggml.add_bos_token` is true, and only false is supported: `gguf-set-metadata FILE",
        ),
    ] {
        if expected.is_empty() {
            fs::write(&path, &bytes).unwrap();
            assert!(load(&path).is_ok()); // a file need not say that it is a model
        } else {
            let message = refused(&bytes);
            assert!(message.contains(expected), "{message:?} instead of {expected:?}");
        }
    }
    let kind = |kind: &str| {
        let bytes = fs::read(fixture("q4_0.gguf")).unwrap();
        let at = bytes.windows(13).position(|b| b == b"\x05\0\0\0\0\0\0\0model").unwrap();
        [&bytes[..at], &text(kind), &bytes[at + 13..]].concat()
    };
    for (name, expected) in [
        ("adapter", "is a LoRA adapter, which changes another model and is none by itself: `llama-export-lora`"),
        ("imatrix", "is an importance matrix, which llama-quantize uses, and no model"),
        ("mmproj", "is of the type \"mmproj\", and only \"model\" is read here"),
    ] {
        let message = refused(&kind(name));
        assert!(message.contains(expected), "{message:?} instead of {expected:?}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_vocabulary_of_another_kind_leaves_a_model_that_works_with_ids() {
    let dir = scratch("kinds");
    let path = dir.join("x.gguf");
    let same = load(fixture("q4_0.gguf")).unwrap();
    for (bytes, expected) in [
        (
            with("\x04\0\0\0\0\0\0\0gpt2\x12", "\x04\0\0\0\0\0\0\0bert\x12"),
            "the vocabulary is of the kind \"bert\", and GPT-2's is \"gpt2\": ",
        ),
        (with("gpt-2", "smoll"), "the vocabulary splits a text by the rule \"smoll\", and not by GPT-2's: "),
    ] {
        fs::write(&path, bytes).unwrap();
        let found = load(&path).unwrap();
        assert!(found.model == same.model && found.tokenizer.is_none());
        assert_eq!(found.end_ids, [44]);
        assert_eq!(found.notes, [format!("{expected}the model works with ids only")]);
    }
    let why = no_vocabulary(&path).to_string();
    assert!(why.ends_with("x.gguf: the vocabulary splits a text by the rule \"smoll\", and not by GPT-2's"), "{why}");
    // Rules that are GPT-2's under another name, or that nobody names.
    fs::write(&path, with("gpt-2", "phi-2")).unwrap();
    assert_eq!((load(&path).unwrap().tokenizer, load(&path).unwrap().notes), (same.tokenizer.clone(), vec![]));
    fs::write(&path, with("tokenizer.ggml.pre", "tokenizer.ggml.prx")).unwrap();
    let found = load(&path).unwrap();
    assert_eq!(found.tokenizer, same.tokenizer);
    assert_eq!(found.notes, ["the file does not say by which rule a text is split: GPT-2's is taken"]);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_directory_with_one_file_is_that_model() {
    let dir = scratch("directory");
    fs::copy(fixture("q8_0.gguf"), dir.join("one.gguf")).unwrap();
    fs::write(dir.join("README.md"), "a model").unwrap();
    let one = load(fixture("q8_0.gguf")).unwrap().model;
    assert!(load(&dir).unwrap().model == one);
    // Beside such files there is often the configuration of the model that they were made from.
    let config = r#"{"vocab_size": 48, "n_positions": 12, "n_embd": 32, "n_head": 2, "n_layer": 2, "n_inner": 64}"#;
    fs::write(dir.join("config.json"), config).unwrap();
    assert!(load(&dir).unwrap().model == one);
    fs::copy(fixture("f16.gguf"), dir.join("two.gguf")).unwrap();
    let message = load(&dir).unwrap_err().to_string();
    assert!(message.contains("one.gguf may be a model in the form of llama.cpp: give the file itself"), "{message}");
    fs::remove_file(dir.join("config.json")).unwrap();
    let message = load(&dir).unwrap_err().to_string();
    assert!(
        message.contains("there are 2 models in it: give one, for example ") && message.ends_with("one.gguf"),
        "{message}"
    );
    fs::remove_dir_all(dir).unwrap();
}
