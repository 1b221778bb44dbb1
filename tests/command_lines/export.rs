//! `export`: a directory that others can read, and nothing overwritten.

use crate::examples::{command, error_of, run, scratch, success};
use std::fs;

#[test]
fn an_exported_model_writes_the_same_text() {
    let dir = scratch("export");
    let call = |name: &str, args: &[&str]| success(run(&mut command(&dir, name, args))).0;
    let text = call("greedy", &["--tokens", "20"]);
    assert_eq!(call("export", &["new/model"]), "");
    assert_eq!(call("greedy", &["--tokens", "20", "--model", "new/model"]), text);
    // The shipped weights are whole numbers times a scale. An f16 rounds them once more, by far less than int8 did.
    assert_eq!(call("export", &["--dtype", "f16", "--model", "new/model", "half"]), "");
    assert_eq!(call("greedy", &["--tokens", "20", "--model", "half"]), text);
    let bytes = |name: &str| fs::metadata(dir.join(name).join("model.safetensors")).unwrap().len();
    assert!(bytes("half") < bytes("new/model") * 51 / 100);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn export_overwrites_nothing() {
    let dir = scratch("precious");
    let files = [
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "model.bin",
        "model.gguf",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "special_tokens_map.json",
        "generation_config.json",
        "chat_template.jinja",
    ];
    for file in files {
        let other = dir.join(file.replace('.', "-"));
        fs::create_dir(&other).unwrap();
        fs::write(other.join(file), "precious").unwrap();
        let error = error_of(run(&mut command(&other, "export", &["."])), 1);
        assert!(error.contains(file) && error.contains("another directory"), "{error}");
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        assert_eq!(fs::read(other.join(file)).unwrap(), b"precious");
    }
    // A directory without a name would be the current one.
    error_of(run(&mut command(&dir, "export", &[""])), 2);
    assert!(!dir.join("config.json").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn each_form_that_is_exported_writes_the_same_text() {
    let dir = scratch("export-forms");
    let call = |name: &str, args: &[&str]| success(run(&mut command(&dir, name, args))).0;
    let text = call("greedy", &["--tokens", "20"]);
    // f16 and q8_0 round the weights once more: in twenty tokens nothing of it is seen.
    for (form, dtype, file) in [
        ("gguf", "f32", "model.gguf"),
        ("gguf", "q8_0", "model.gguf"),
        ("llm.c", "f32", "model.bin"),
        ("hf", "f16", "model.safetensors"),
    ] {
        let out = format!("{form}-{dtype}");
        assert_eq!(call("export", &[&out, "--format", form, "--dtype", dtype]), "");
        for model in [out.clone(), format!("{out}/{file}")] {
            assert_eq!(call("greedy", &["--tokens", "20", "--model", &model]), text, "{model}");
        }
    }
    // Eight bits for each number, and 34 bytes for each 32 of them; the positions, norms and vocabulary are as they were.
    let bytes = |name: &str| fs::metadata(dir.join(name).join("model.gguf")).unwrap().len();
    assert!(bytes("gguf-q8_0") < bytes("gguf-f32") * 30 / 100);
    call("export", &["parts", "--max-shard-size", "3MB"]);
    assert!(dir.join("parts/model.safetensors.index.json").exists() && !dir.join("parts/model.safetensors").exists());
    assert_eq!(call("greedy", &["--tokens", "20", "--model", "parts"]), text);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_a_form_does_not_have_is_refused_before_anything_is_written() {
    let dir = scratch("export-refused");
    for (args, expected) in [
        (&["--format", "onnx"][..], "--format is \"onnx\"; it can be hf, gguf or llm.c"),
        (&["--dtype", "q8_0"], "--dtype is \"q8_0\"; with --format hf it can be f32, f16, bf16 or int8"),
        (&["--format", "gguf", "--dtype", "int8"], "with --format gguf it can be f32, f16, bf16 or q8_0"),
        (&["--format", "llm.c", "--dtype", "f16"], "with --format llm.c it can be f32 or bf16"),
        (&["--format", "gguf", "--max-shard-size", "1MB"], "--max-shard-size is for --format hf"),
        (&["--max-shard-size", "1XB"], "--max-shard-size is \"1XB\"; give a number of bytes from 1 on"),
        (&["--max-shard-size", "0"], "--max-shard-size is \"0\""),
        (&["--max-shard-size", "99999999999GB"], "--max-shard-size is \"99999999999GB\""),
    ] {
        let error = error_of(run(&mut command(&dir, "export", &[&["out"], args].concat())), 2);
        assert!(error.contains(expected), "{error}");
    }
    // nanoGPT's activation is not GPT-2's, and this model of llm.c has no vocabulary.
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    for (model, form, expected) in [
        ("formats/nano", "gguf", "activation"),
        ("formats/nano", "llm.c", "activation"),
        ("llm_c/f32.bin", "gguf", "no vocabulary"),
    ] {
        let model = format!("{fixtures}{model}");
        let error = error_of(run(&mut command(&dir, "export", &["out", "--model", &model, "--format", form])), 1);
        assert!(error.contains(expected), "{error}");
    }
    assert!(!dir.join("out").exists());
    fs::remove_dir_all(&dir).unwrap();
}
