//! `--help` of every example: what it shows, each flag that it accepts, and its real defaults.

use crate::examples::{error_of, success};
use crate::{example, helps, numbers};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Flags that take a value but have no default: without the flag, there is no such value.
const WITHOUT_DEFAULT: [&str; 3] = ["--ids", "--resume", "--valid"];

#[test]
fn every_example_explains_itself() {
    let helps = helps();
    assert!(helps.len() >= 14, "only {} examples were found", helps.len());
    for (name, help) in &helps {
        assert!(help.contains(&format!("cargo run --example {name}")), "{name}: {help}");
        let chapter = help.lines().find_map(|line| line.strip_prefix("Chapter: ")).expect(name);
        let is_there = Path::new(env!("CARGO_MANIFEST_DIR")).join(chapter).is_file();
        assert!(is_there, "{name}: there is no {chapter}");
        for Line { flag, value, text } in lines(help) {
            assert!(text.split_whitespace().count() > 2, "{name}: {flag} is not explained");
            assert!(
                value.is_empty() || text.contains("default: ") || WITHOUT_DEFAULT.contains(&flag),
                "{name}: {flag} does not say its default"
            );
        }
    }
}

#[test]
fn a_help_fits_into_80_columns() {
    for name in helps().keys() {
        for line in success(example(name, &["--help"])).0.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

/// A line of a help: the flag, what follows it, and what it means.
struct Line<'a> {
    flag: &'a str,
    value: &'a str,
    text: &'a str,
}

/// The lines of a help text that are about flags. `--ids "5 17 3"  token ids ...`: two spaces precede the meaning.
fn lines(help: &str) -> Vec<Line<'_>> {
    let lines = help.lines().filter(|line| line.starts_with("  --")).map(|line| {
        let (left, text) = line[2..].split_once("  ").unwrap_or((&line[2..], ""));
        let (flag, value) = left.split_once(' ').unwrap_or((left, ""));
        Line { flag, value: value.trim(), text: text.trim() }
    });
    lines.collect()
}

/// The constants of the library that are flags, and the flags: `MODEL` is `--model`.
fn shared_flags() -> BTreeMap<String, String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/shared_flags.rs")).unwrap();
    let constants = source.split("pub const ").skip(1).filter_map(|rest| rest.split_once(": Flag ="));
    let flag = |rest: &str| rest.split("name: \"").nth(1).unwrap().split('"').next().unwrap().to_string();
    constants.map(|(constant, rest)| (constant.to_string(), flag(rest))).collect()
}

/// The source of an example: its file, and those of its folder.
fn source(name: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    fs::read_to_string(examples.join(format!("{name}.rs"))).unwrap() + &sources_in(&examples.join(name))
}

/// All Rust source in a folder and its subfolders; nothing if the folder does not exist.
fn sources_in(dir: &Path) -> String {
    let paths = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => sources_in(&path),
        Some(ending) if ending == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    paths.map(text).collect()
}

/// The text between `start` and the next character that is not part of a word, wherever `start` is found.
fn words_after<'a>(source: &'a str, start: &str) -> Vec<&'a str> {
    let end = |rest: &'a str| rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap();
    source.split(start).skip(1).map(end).collect()
}

#[test]
fn help_names_every_flag_that_an_example_accepts_and_no_other() {
    let shared = shared_flags();
    assert!(shared.len() > 10 && shared["WEIGHTS"] == "--weights", "{shared:?}");
    let mut n_flags = 0;
    for (name, help) in helps() {
        let helped: Vec<&str> = lines(&help).iter().map(|line| line.flag).collect();
        // What the program says it knows.
        let error = error_of(example(&name, &["--no-such-flag"]), 2);
        let known = error.split_once("; there are ").unwrap().1.split(';').next().unwrap();
        assert_eq!(known, if helped.is_empty() { "none but --help".to_string() } else { helped.join(" ") }, "{name}");
        // What it really knows: it asks for a missing value, and refuses a value that does not belong there.
        for Line { flag, value, .. } in lines(&help) {
            let (call, answer) = match value {
                "" => (format!("{flag}=1"), format!("{flag} takes no value")),
                value => (flag.to_string(), format!("{flag} needs a value: {flag} {value}")),
            };
            let error = error_of(example(&name, &[&call]), 2);
            assert!(error.contains(&answer), "{name}: {error}");
            n_flags += 1;
        }
        // And what its source defines, takes from the library, and asks for.
        let source = source(&name);
        let own = words_after(&source, "name: \"").into_iter().filter(|word| word.starts_with("--"));
        let shared = words_after(&source, "cli::").into_iter().filter_map(|word| shared.get(word).map(String::as_str));
        let asked = ["has", "get", "all", "number"].map(|method| words_after(&source, &format!("args.{method}(\"")));
        for flag in own.chain(shared).chain(asked.concat()) {
            assert!(helped.contains(&flag), "{name}: {flag} is not in the help");
        }
    }
    assert!(n_flags > 100, "{n_flags}");
}

#[test]
fn the_defaults_that_help_names_are_the_defaults() {
    let mut n_compared = 0;
    let helps = helps();
    for name in ["attention", "block", "embeddings", "gradients", "greedy", "layers", "logits", "sample", "sixty_lines"]
    {
        let help = &helps[name];
        let mut args = Vec::new();
        // A default such as `COLUMNS, else 80` is more than one word.
        for (flag, default) in numbers(help).into_iter().filter(|(_, default)| default.parse::<f64>().is_ok()) {
            args.extend([flag, default]);
        }
        let prompt = help.split("(default: \"").nth(1).map(|rest| rest.split('"').next().unwrap().to_string());
        args.extend(prompt.filter(|_| name != "gradients"));
        assert!(!args.is_empty(), "{name}");
        n_compared += args.len();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(success(example(name, &args)).0, success(example(name, &[])).0, "{name} {args:?}");
    }
    assert!(n_compared >= 20, "{n_compared}");
}
