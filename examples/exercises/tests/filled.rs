//! `greedy_mine` with some of its pieces written: compiled here from a copy, against the library that is built already.

use super::misbehaving::{begin, copy_folder, library};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PIECES: &[(&str, &str)] = &[
    ("softmax", "gpt60::layers::softmax::forward(x)"),
    ("gelu", "gpt60::layers::gelu::gelu(x)"),
    ("layer_norm", "if std::env::var_os(\"WRONG\").is_some() { Ok(x.clone()) } else { ln.forward(x) }"),
    ("mlp", "parts::linear(&mlp.c_proj, &parts::linear(&mlp.c_fc, x)?.map(parts::gelu))"),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn greedy_mine_uses_every_piece_that_is_written_and_says_whose_each_is_and_which_is_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = std::env::temp_dir().join(format!("gpt60-filled-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    copy_folder(&root.join("src/exercises"), &dir.join("src/exercises"));
    fs::create_dir_all(dir.join("examples")).unwrap();
    fs::copy(root.join("examples/greedy_mine.rs"), dir.join("examples/greedy_mine.rs")).unwrap();
    // Whatever a learner has written of the rest by now is not what is tested here.
    for stub in super::stubs::read(&dir).unwrap() {
        fs::write(dir.join(stub.file()), stub.fresh().unwrap_or(stub.text)).unwrap();
    }
    PIECES.iter().for_each(|(name, body)| begin(&dir, name, body));
    let program = dir.join(format!("mine{}", std::env::consts::EXE_SUFFIX));
    let mut compile = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compile.args(["--edition", "2024", "--cap-lints", "allow", "examples/greedy_mine.rs", "-o"]).arg(&program);
    compile.arg("--extern").arg(format!("gpt60={}", library().display())).current_dir(&dir);
    let output = compile.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = |args: &[&str], is_wrong: bool| -> Output {
        let mut command = Command::new(&program);
        if is_wrong {
            command.env("WRONG", "1");
        }
        command.args(["--tokens", "4"]).args(args).current_dir(&dir).output().unwrap()
    };

    let right = run(&[], false);
    assert!(right.status.success(), "{}", text(&right.stderr));
    let model = gpt60::storybook::load();
    let ids = model.tokenizer.as_ref().unwrap().encode("Once upon a time");
    let expected = (0..4).fold(ids.clone(), |mut ids, _| {
        let logits = model.model.logits(&ids).unwrap();
        ids.push(gpt60::argmax(logits.row(ids.len() - 1)).unwrap() as u32);
        ids
    });
    let new = model.tokenizer.as_ref().unwrap().decode(&expected[ids.len()..]).unwrap();
    assert_eq!(text(&right.stdout), format!("{new}\n"));
    let by = "[written by your softmax, gelu, layer_norm, mlp; the library's matmul, embedding, linear, causal_mask, \
              attention, multi_head, block, gpt2, greedy]\n";
    assert!(text(&right.stderr).contains(by), "{}", text(&right.stderr));

    // One of the pieces is wrong, and neither those that call it nor those that are called after it.
    let wrong = run(&[], true);
    let wrong_ones = "[wrong: layer_norm; `cargo run --example exercises -- check` says why]\n";
    assert!(text(&wrong.stderr).contains(&format!("{by}{wrong_ones}")), "{}", text(&wrong.stderr));

    let strict = run(&["--strict"], false);
    assert_eq!((strict.status.code(), text(&strict.stdout).as_str()), (Some(1), ""));
    assert!(text(&strict.stderr).contains("not begun yet: greedy"), "{}", text(&strict.stderr));
    fs::remove_dir_all(&dir).unwrap();
}
