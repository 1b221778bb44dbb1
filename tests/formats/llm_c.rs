//! llm.c's files: read as the model that llm.c wrote, and written as llm.c reads them.
//!
//! `fixtures/llm_c.py` made them with llm.c's own writer, and names its commit.

use super::{expected_in, refusal, scratch};
use gpt60::checkpoint::{Dtype, load, write_llm_c};
use gpt60::{Config, Gpt2, Rng, storybook};
use std::fs;
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llm_c").join(name)
}

fn expected(name: &str) -> gpt60::Tensor {
    expected_in(&file("expected.safetensors"), name)
}

fn ids() -> Vec<u32> {
    expected("ids").data().iter().map(|&id| id as u32).collect()
}

#[test]
fn its_files_are_read_as_the_models_that_it_wrote() {
    for (name, logits) in [("f32.bin", "logits"), ("bf16.bin", "bf16_logits")] {
        let found = load(file(name)).unwrap();
        assert_eq!(found.model.config, Config::new(29, 16, 8, 2, 2)); // the padding to 128 rows is gone
        // Both sides compute in float32 and add in another order: about 1e-6.
        assert_eq!(found.model.logits(&ids()).unwrap().check_close(&expected(logits), 1e-5), Ok(()), "{name}");
        assert_eq!(found.notes, [""; 0]);
    }
}

#[test]
fn a_directory_with_one_such_file_is_that_model_and_with_two_says_so() {
    let dir = scratch("llm-c-dir");
    fs::copy(file("f32.bin"), dir.join("any name")).unwrap();
    assert!(load(&dir).unwrap().model == load(file("f32.bin")).unwrap().model);
    fs::copy(file("bf16.bin"), dir.join("other")).unwrap();
    let message = refusal(&dir, &dir);
    assert!(message.ends_with("there are 2 models in it: give one, for example any name"), "{message}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_is_written_is_what_it_writes_itself_byte_for_byte() {
    let dir = scratch("llm-c-written");
    for (name, dtype) in [("f32.bin", Dtype::F32), ("bf16.bin", Dtype::Bf16)] {
        write_llm_c(&dir, &load(file("f32.bin")).unwrap(), dtype).unwrap();
        assert!(fs::read(dir.join("model.bin")).unwrap() == fs::read(file(name)).unwrap(), "{name}");
        assert!(!dir.join("gpt2_tokenizer.bin").exists()); // the model has no vocabulary
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_vocabulary_is_written_token_by_token_and_the_directory_is_read_again_whole() {
    let dir = scratch("llm-c-story");
    let story = storybook::load();
    write_llm_c(&dir, &story, Dtype::F32).unwrap();
    let again = load(&dir).unwrap();
    assert!(again.model == story.model);
    assert_eq!(again.end_ids, story.end_ids);
    let ids = story.encode("Once upon a time").unwrap();
    assert_eq!(again.encode("Once upon a time").unwrap(), ids);

    // The form is that of the fixture: 256 integers, then a byte of length and the bytes of each token.
    let theirs = fs::read(file("tokenizer.bin")).unwrap();
    let integers = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect::<Vec<_>>();
    assert_eq!(integers(&theirs[..16]), [20_240_328, 2, 3, 2]);
    assert_eq!(&theirs[1024..], b"\x01a\x03\xff b\x0d<|endoftext|>");
    let ours = fs::read(dir.join("gpt2_tokenizer.bin")).unwrap();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let n = tokenizer.n_vocab() as u32;
    assert_eq!(integers(&ours[..16]), [20_240_328, 2, n, tokenizer.end_of_text().unwrap()]);
    let mut rest = &ours[1024..];
    for id in 0..n {
        let length = usize::from(rest[0]);
        assert_eq!(Some(&rest[1..=length]), tokenizer.token_bytes(id), "token {id}");
        rest = &rest[1 + length..];
    }
    assert!(rest.is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_damaged_file_is_refused_in_one_line() {
    let dir = scratch("llm-c-damaged");
    let whole = fs::read(file("f32.bin")).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(dir.join("model.bin"), bytes).unwrap();
        refusal(&dir, &dir.join("model.bin"))
    };
    let with = |i: usize, value: u32| {
        let mut bytes = whole.clone();
        bytes[4 * i..4 * i + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let name = "model.bin: llm.c header: ";
    assert_eq!(refused(&whole[..1000]), format!("{name}the file has 1000 bytes, and its header alone takes 1024"));
    let n = whole.len();
    let cut = format!("{name}the file has {} bytes, and a model of this size takes {n}: is it cut short?", n - 1);
    assert_eq!(refused(&whole[..n - 1]), cut);
    let version = refused(&with(1, 1));
    assert!(version.contains("its version is 1, expected 3 (F32) or 5 (BF16)"), "{version}");
    assert!(refused(&with(3, 129)).contains("its table has 128 rows, fewer than the 129 tokens"));
    assert!(refused(&with(4, 1 << 30)).contains("at most 1000 are read here"));
    for i in 2..8 {
        for value in [0, 1 << 16, u32::MAX] {
            assert!(refused(&with(i, value)).starts_with("model.bin: "));
        }
    }
    // A number that is none, in the last weight.
    let nan = [&whole[..n - 4], &f32::NAN.to_le_bytes()].concat();
    let expected = "tensor \"ln_f.bias\": 1 of its 8 numbers is NaN or infinite";
    assert!(refused(&nan).contains(expected));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_model_that_it_cannot_run_is_not_written() {
    let dir = scratch("llm-c-impossible");
    let model = |config: Config| Gpt2::random(&config, &mut Rng::new(1)).unwrap();
    let plain = Config::new(29, 16, 8, 2, 1);
    let refused = |model: Gpt2, dtype| {
        let error = write_llm_c(&dir, &gpt60::checkpoint::Checkpoint::new(model, None), dtype).unwrap_err().to_string();
        assert!(!error.contains('\n') && !dir.join("model.bin").exists(), "{error}");
        error
    };
    let wide = Config { n_inner: 16, ..plain };
    assert!(refused(model(wide), Dtype::F32).contains("four times as wide"));
    let other = Config { activation_function: gpt60::Activation::Gelu, ..plain };
    assert!(refused(model(other), Dtype::F32).contains("GPT-2's own activation"));
    let mut untied = model(plain);
    untied.lm_head = Some(gpt60::Tensor::zeros(&[29, 8]).into());
    assert!(refused(untied, Dtype::F32).contains("a head of its own"));
    assert!(refused(model(plain), Dtype::F16).contains("F32 or BF16"));
    fs::remove_dir_all(dir).unwrap();
}
