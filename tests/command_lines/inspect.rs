//! `inspect`: what a file or a directory is.

use crate::example;
use crate::examples::{error_of, scratch, success};
use gpt60::Tensor;
use gpt60::checkpoint::{Dtype, safetensors};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What `inspect` prints of a path.
fn inspect(path: &Path) -> String {
    success(example("inspect", &[path.to_str().unwrap()])).0
}

/// What `inspect` prints of a fixture.
fn report(name: &str) -> String {
    inspect(&fixture(name))
}

/// The report has a line that begins with `label` and has `text` in it.
fn says(report: &str, label: &str, text: &str) {
    assert!(report.lines().any(|line| line.starts_with(label) && line.contains(text)), "{label} {text}: {report}");
}

#[test]
fn each_form_is_told_with_its_sizes_and_that_it_can_be_run() {
    for (path, form, kind, begins) in [
        ("formats/shards", "a directory in the form of Hugging Face", "F32", "7b 22 5f 5f"),
        ("formats/doubles/model.safetensors", "a directory in the form of Hugging Face", "F64", "7b 22"),
        ("formats/torch", "a directory in the form of Hugging Face", "F32", "50 4b 03 04"),
        ("formats/nano", "a checkpoint of nanoGPT", "F32", "50 4b 03 04"),
        // 20240326 is 0x0134_d7c6.
        ("llm_c/f32.bin", "a checkpoint of llm.c", "F32", "c6 d7 34 01"),
        ("llm_c/bf16.bin", "a checkpoint of llm.c", "BF16", "c6 d7 34 01"),
    ] {
        let report = report(path);
        says(&report, "form  ", form);
        says(&report, "begins", begins);
        says(&report, "sizes ", "n_layer 2, n_head 2, n_embd 8, n_ctx 16, n_vocab 29");
        // (29 + 16 + 2) * 8 and twice 12 * 64 + 13 * 8.
        says(&report, "parameters", "2,120");
        assert!(report.contains(kind) && report.contains("[8, 32]"), "{report}");
        assert!(report.ends_with("It can be run here.\n"), "{report}");
    }
}

#[test]
fn llama_cpp_s_files_and_openai_s_release_are_told_with_their_vocabulary() {
    for (path, form, begins, name, kind) in [
        ("gguf/q8_0.gguf", "in the form of llama.cpp (GGUF)", "47 47 55 46 03", "blk.0.attn_qkv.weight", "Q8_0"),
        ("gguf/q4_0.gguf", "in the form of llama.cpp (GGUF)", "47 47 55 46 03", "token_embd.weight", "Q4_0"),
        ("openai/released", "TensorFlow", "", "model/h0/attn/c_attn/w", "F32"),
        ("openai/trained", "TensorFlow", "", "model/wte", "F32"),
    ] {
        let report = report(path);
        says(&report, "form  ", form);
        says(&report, "begins", begins);
        says(&report, "vocabulary", "tokens");
        says(&report, &format!("  {name}"), kind);
        assert!(report.ends_with("It can be run here.\n"), "{report}");
    }
}

#[test]
fn what_is_odd_is_said() {
    says(&report("formats/torch"), "note: ", "this is a pickle with");
    says(&report("formats/torch"), "note: ", "tensors and no code");
    says(&report("formats/torch"), "note: ", "the head, \"lm_head.weight\", is the table once more");
    says(&report("formats/torch"), "- transformer.h.0.attn.bias", "BOOL");
    says(&report("formats/nano_bare"), "note: ", "bias=False");
    says(&report("formats/nano_bare"), "sizes ", "activation gelu");
    says(&report("llm_c/f32.bin"), "note: ", "the table is padded to 128 rows for 29 tokens");
    says(&report("formats/shards"), "note: ", "there is no vocabulary");
}

#[test]
fn means_and_deviations_are_those_of_the_numbers_and_a_large_tensor_is_sampled() {
    let dir = scratch("inspect-numbers");
    let path = dir.join("some.safetensors");
    // Half of them -1, half 3: mean 1, deviation 2. Of the large one, all that is not looked at is 100.
    let small = Tensor::new(&[4], vec![-1.0, 3.0, 3.0, -1.0]).unwrap();
    let n = 1 << 16;
    let piece = |i: usize| (0..4).any(|k| (k * (n - 4096) / 3..k * (n - 4096) / 3 + 4096).contains(&i));
    let number = |i: usize| {
        if !piece(i) {
            100.0
        } else if i.is_multiple_of(2) {
            -1.0
        } else {
            3.0
        }
    };
    let large = Tensor::new(&[n], (0..n).map(number).collect()).unwrap();
    let odd = Tensor::new(&[3], vec![f32::NAN, 1.0, 1.0]).unwrap();
    let tensors = [("small".to_string(), &small), ("large".to_string(), &large), ("odd".to_string(), &odd)];
    safetensors::write(&path, &tensors, &[], Dtype::F32).unwrap();
    let report = inspect(&path);
    says(&report, "- small", "1.0000     2.0000");
    says(&report, "- large", "1.0000     2.0000");
    says(&report, "- odd", "1.0000     0.0000");
    says(&report, "note: ", "tensor \"odd\" has numbers that are NaN or infinite");
    says(&report, "form  ", "a file of tensors, of which nothing says what they are");
    says(&report, "numbers", "65,543");
    says(&report, "It cannot be run here: ", "some.safetensors");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_model_that_cannot_be_run_is_shown_with_the_reason() {
    let dir = scratch("inspect-other");
    fs::copy(fixture("formats/torch/pytorch_model.bin"), dir.join("pytorch_model.bin")).unwrap();
    fs::write(dir.join("config.json"), "{\"model_type\": \"llama\"}").unwrap();
    let report = inspect(&dir);
    says(&report, "- transformer.wte.weight", "[29, 8]");
    says(&report, "It cannot be run here: ", "`model_type` is \"llama\"");
    fs::remove_dir_all(&dir).unwrap();

    let error = error_of(example("inspect", &["no/such/place"]), 1);
    assert!(error.contains("there is no such directory"), "{error}");
    let error = error_of(example("inspect", &[]), 2);
    assert!(error.contains("say what to look at"), "{error}");
}
