//! A file that is no text, given as a text: the line says what it is and what to do.

use crate::examples::{command, error_of, run, scratch};
use std::fs;

#[test]
fn train_and_perplexity_say_what_a_file_really_is() {
    let dir = scratch("text-files");
    let utf16: Vec<u8> = "\u{FEFF}Once upon a time".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, &[u8], &str); 5] = [
        ("utf16.txt", &utf16, "is UTF-16 text; convert it to UTF-8"),
        ("pointer.txt", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n", "git lfs pull"),
        ("page.txt", b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "is a web page"),
        ("latin.txt", b"caf\xe9 noir", "is not UTF-8 at byte 3: 0xe9"),
        ("zeros.bin", b"ab\0\0\xff", "is not text"),
    ];
    for (name, bytes, problem) in files {
        fs::write(dir.join(name), bytes).unwrap();
        for call in [&["perplexity", name][..], &["train", name, "--out", "out"], &["train", "--text", name]] {
            let error = error_of(run(&mut command(&dir, call[0], &call[1..])), 1);
            assert!(error.contains(name) && error.contains(problem), "{call:?}: {error}");
        }
        fs::write(dir.join("good.txt"), "Once upon a time there was a fox.").unwrap();
        let call = ["good.txt", "--valid", name, "--out", "out", "--n-layer", "1", "--n-embd", "8"];
        let error = error_of(run(&mut command(&dir, "train", &call)), 1);
        assert!(error.contains(name) && error.contains(problem), "{error}");
    }
    fs::remove_dir_all(&dir).unwrap();
}
