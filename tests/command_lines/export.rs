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
    // The shipped weights have 16 bits, so a file of 16-bit numbers loses nothing.
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
