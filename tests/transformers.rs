//! Small GPT-2s with random weights: this crate computes what the `transformers` library computes.
//!
//! `fixtures/gpt2_random.py` made the models and the expected values, with the versions that it names. Together they
//! have 1, 2, 5 and 7 heads, a tied and an untied head, F32, F16 and BF16 weights, names with and without the prefix,
//! masks of three dtypes, another epsilon and a narrow MLP.

use gpt60::checkpoint::{self, Json, safetensors};
use gpt60::generate::greedy;
use gpt60::{KvCache, Pass, Probe, Tensor};
use std::path::PathBuf;

/// Both sides compute in float32, but add the same numbers in another order. That makes about 1e-6. A wrong epsilon or
/// the other GELU makes 3e-5 and more.
const TOLERANCE: f64 = 1e-5;

const MODELS: [&str; 4] = ["heads5", "untied", "deep_f16", "bf16"];

fn dir(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gpt2_random").join(name)
}

fn expected_json(name: &str) -> Json {
    Json::parse(&std::fs::read_to_string(dir(name).join("expected.json")).unwrap()).unwrap()
}

fn expected_tensor(name: &str, tensor: &str) -> Tensor {
    let (tensors, _) = safetensors::read(dir(name).join("expected.safetensors")).unwrap();
    let found = tensors.into_iter().find(|(found, _)| found == tensor);
    found.unwrap_or_else(|| panic!("{name} has no {tensor}")).1
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

#[test]
fn logits_are_those_of_transformers() {
    let mut n_compared = 0;
    for name in MODELS {
        let model = checkpoint::load(dir(name)).unwrap().model;
        let sequences = expected_json(name);
        for (i, sequence) in sequences.get("sequences").unwrap().as_array().unwrap().iter().enumerate() {
            let expected = expected_tensor(name, &format!("logits.{i}"));
            let found = model.logits(&ids(sequence)).unwrap();
            assert_eq!(found.check_close(&expected, TOLERANCE), Ok(()), "{name}, sequence {i}");
            n_compared += 1;

            // The same with a cache, token by token: the last row.
            let mut cache = KvCache::new(&model.config, 1);
            let mut last = None;
            for id in ids(sequence) {
                last = Some(model.next_logits(&[id], &mut cache).unwrap());
            }
            let expected = expected.take_rows(&[expected.n_rows() - 1]).unwrap();
            assert_eq!(last.unwrap().check_close(&expected, TOLERANCE), Ok(()), "{name}, sequence {i}, cached");
        }
    }
    assert_eq!(n_compared, 4 * 4); // lengths 1, 2, 17 and the full context of 33
}

#[test]
fn greedy_ids_are_those_of_transformers() {
    let mut n_compared = 0;
    for name in MODELS {
        let model = checkpoint::load(dir(name)).unwrap().model;
        let json = expected_json(name);
        let prompts = json.get("sequences").unwrap().as_array().unwrap();
        for (prompt, expected) in prompts.iter().zip(json.get("greedy").unwrap().as_array().unwrap()) {
            let expected = ids(expected);
            let tokens = greedy(&model, &ids(prompt), &[]).unwrap().take(expected.len());
            let found = tokens.collect::<Result<Vec<u32>, _>>().unwrap();
            assert_eq!(found, expected, "{name}");
            n_compared += found.len();
        }
    }
    assert_eq!(n_compared, 4 * (32 + 31 + 16)); // each fills the context of 33
}

#[test]
fn every_intermediate_is_that_of_transformers() {
    let model = checkpoint::load(dir("heads5")).unwrap().model;
    let sequence = ids(expected_json("heads5").get("probed").unwrap());
    let mut probe = Probe::everything();
    model.hidden(&sequence, Pass::new(sequence.len()).watched_by(&mut probe)).unwrap();

    let (expected, _) = safetensors::read(dir("heads5").join("expected.safetensors")).unwrap();
    let expected: Vec<_> = expected.into_iter().filter(|(name, _)| !name.starts_with("logits.")).collect();
    // wte, wpe, embd, ln_f, and 13 for each of the two blocks
    assert_eq!(expected.len(), 4 + 2 * 13);
    assert_eq!(probe.seen().len(), expected.len());
    // In the order of the forward pass: the first name that fails is where a difference begins.
    for (name, found) in probe.seen() {
        let (_, expected) = expected.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.check_close(expected, TOLERANCE), Ok(()), "{name}");
    }
}

#[test]
fn a_directory_s_own_vocabulary_decides_its_ids() {
    let checkpoint = checkpoint::load(dir("bf16")).unwrap();
    let tokenizer = checkpoint.tokenizer.unwrap();
    let json = expected_json("bf16");
    let texts = json.get("texts").unwrap().as_array().unwrap();
    assert!(texts.len() >= 4);
    for pair in texts {
        let [text, expected] = pair.as_array().unwrap() else { panic!("a text and its ids are expected") };
        let text = text.as_str().unwrap();
        assert_eq!(tokenizer.encode(text), ids(expected), "{text:?}");
        assert_eq!(tokenizer.decode(&ids(expected)).unwrap(), text);
    }
}

#[test]
fn end_ids_are_a_number_a_list_or_null_and_never_beyond_the_vocabulary() {
    let ends = |name: &str| checkpoint::load(dir(name)).unwrap().end_ids;
    assert_eq!(ends("heads5"), []); // 50256, beyond the vocabulary of 101
    assert_eq!(ends("untied"), [7, 100]); // [7, 100, 50256]
    assert_eq!(ends("deep_f16"), []); // null
    assert_eq!(ends("bf16"), [263]);
}

#[test]
fn what_is_saved_is_loaded_again_bit_for_bit() {
    for name in MODELS {
        let loaded = checkpoint::load(dir(name)).unwrap();
        let copy = std::env::temp_dir().join(format!("gpt60-copy-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&copy).unwrap();
        loaded.save(&copy, checkpoint::Dtype::F32).unwrap();
        let again = checkpoint::load(&copy).unwrap();
        std::fs::remove_dir_all(&copy).unwrap();
        assert_eq!(again.model, loaded.model, "{name}");
        assert_eq!(again.tokenizer, loaded.tokenizer, "{name}");
        assert_eq!(again.end_ids, loaded.end_ids, "{name}");
    }
}

#[test]
fn a_model_that_came_in_16_bits_loses_nothing_when_it_is_saved_in_them() {
    for (name, dtype) in [("deep_f16", checkpoint::Dtype::F16), ("bf16", checkpoint::Dtype::Bf16)] {
        let model = checkpoint::load(dir(name)).unwrap().model;
        let copy = std::env::temp_dir().join(format!("gpt60-sixteen-{}-{name}", std::process::id()));
        checkpoint::save(&copy, &model, None, dtype).unwrap();
        let again = checkpoint::load(&copy).unwrap().model;
        std::fs::remove_dir_all(&copy).unwrap();
        assert_eq!(again, model, "{name}");
    }
}

#[test]
fn each_form_of_a_vocabulary_gives_the_same_ids() {
    let copy = std::env::temp_dir().join(format!("gpt60-forms-{}", std::process::id()));
    let first = checkpoint::load(dir("bf16")).unwrap();
    checkpoint::save(&copy, &first.model, first.tokenizer.as_ref(), checkpoint::Dtype::F32).unwrap();
    let tokenizer = || checkpoint::load(&copy).unwrap().tokenizer;

    std::fs::remove_file(copy.join("tokenizer.json")).unwrap();
    assert_eq!(tokenizer(), first.tokenizer); // from vocab.json and merges.txt

    // Alone, the merges mean OpenAI's numbering: 256 bytes, 7 merges, <|endoftext|>. "t" and "h" are the first merge. The
    // added [PAD], 264, is still named in tokenizer_config.json.
    std::fs::remove_file(copy.join("vocab.json")).unwrap();
    let openai = tokenizer().unwrap();
    assert_eq!((openai.n_vocab(), openai.encode("th"), openai.end_of_text()), (265, vec![256], Some(263)));

    std::fs::remove_file(copy.join("merges.txt")).unwrap();
    assert_eq!(tokenizer(), None);
    std::fs::remove_dir_all(&copy).unwrap();
}

#[test]
fn a_token_that_was_added_later_is_found_in_a_text_and_decoded() {
    let tokenizer = checkpoint::load(dir("bf16")).unwrap().tokenizer.unwrap();
    assert_eq!(tokenizer.decode(&[264]).unwrap(), "[PAD]");
    assert_eq!(tokenizer.encode("[PAD][PAD]"), [264, 264]); // as transformers does
}
