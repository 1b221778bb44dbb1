//! The house is built from the ground up: a file of the library uses only what stands below it.
//!
//! If you read the source from the bottom, you never meet a name that was not explained before. The test reads every
//! `crate::...` and `super::...` of every file, in `use` lines and elsewhere, and looks up the floor of each name.
//! Comments may point anywhere, and unit tests (`#[cfg(test)]`) may use anything.
//!
//! Also held here: nothing but the standard library is used, `unsafe` stays in the engine room, and no file is too long to be
//! read in one go.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The house, from the ground up. A module uses modules of earlier lines; modules on one line do not know each other. A
/// name with `/` is one file of a folder; if only a folder's name is here, its files may all use each other.
const HOUSE: &[&[&str]] = &[
    &["error", "rng", "close", "float16", "quantize", "tape"],
    &["int4"],
    &["tokenizer", "kernels", "text_file"],
    &["tensor"],
    &["weight"],
    &["config"],
    &["probe", "kv_cache"],
    &["pass"],
    &["layers/softmax", "layers/gelu", "layers/layer_norm", "layers/linear", "layers/embedding"],
    &["layers/activation"],
    &["layers/attention", "layers/mlp"],
    &["layers/block"],
    &["layers"],
    &["model"],
    &["parameters"],
    &["checkpoint"],
    &["generate", "train"],
    &["storybook", "lens"],
    &["cli"],
    &["exercises"], // not part of the library: nothing stands on it
    &["lib", "book"],
];

/// How many lines of code a file may have.
const LONGEST: usize = 350;

/// The files that may be longer.
const LONGER: &[&str] = &[
    "tests/instruction_sets.rs", // one comparison for each product and each instruction set
];

/// The line of [`HOUSE`] where a module stands.
fn floor(module: &str) -> Option<usize> {
    HOUSE.iter().position(|line| line.contains(&module))
}

/// The module of [`HOUSE`] that a path such as `layers/attention/Attention` leads to, if any: the longest match.
fn module_of(path: &[String]) -> Option<String> {
    let candidates = [path.get(..2).map(|two| two.join("/")), path.first().cloned()];
    candidates.into_iter().flatten().find(|module| floor(module).is_some())
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading a source file
// ---------------------------------------------------------------------------------------------------------------------

/// The source without comments and without its `#[cfg(test)]` items; every line keeps its number.
///
/// It relies on `cargo fmt`: an item that opens a block ends at the line that closes it with the same indentation.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if text == "#[cfg(test)]" {
            let close = format!("{}}}", &line[..line.len() - text.len()]);
            code.push('\n');
            let mut is_first = true;
            for line in lines.by_ref() {
                code.push('\n');
                if line == close || (is_first && line.ends_with([';', '}'])) {
                    break;
                }
                is_first = is_first && line.trim_start().starts_with("#["); // another attribute
            }
            continue;
        }
        let comment = if text.starts_with("//") { Some(0) } else { line.find(" //") };
        code.push_str(&line[..comment.unwrap_or(line.len())]);
        code.push('\n');
    }
    code
}

/// Every path that begins with `root::`, with its line: `crate::{Error, layers::gelu}` gives two.
fn paths_from(code: &str, root: &str) -> Vec<(usize, Vec<String>)> {
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue; // the end of a longer name, or the middle of a path
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut paths = Vec::new();
        read_tree(&code[at + start.len()..], &mut Vec::new(), &mut paths);
        found.extend(paths.into_iter().map(|path| (line, path)));
    }
    found
}

/// Reads `a::b`, or `a::{b, c::d}`, at the beginning of `text`, adds every path in it to `paths`, and returns what follows.
fn read_tree<'a>(text: &'a str, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') {
            rest = read_tree(rest, &mut before.clone(), paths).trim_start();
            if let Some(renamed) = rest.strip_prefix("as ") {
                rest = &renamed[renamed.find([',', '}']).expect("a group ends")..];
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        return &rest.trim_start()[1..];
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    before.push(if name.is_empty() { "*".to_string() } else { name.to_string() });
    let rest = if name.is_empty() { rest.strip_prefix('*').unwrap_or(rest) } else { rest };
    match rest.strip_prefix("::") {
        Some(deeper) if !deeper.starts_with('<') => read_tree(deeper, before, paths),
        _ => {
            paths.push(before.clone());
            rest
        }
    }
}

/// Where the names live that `lib.rs` re-exports: `pub use model::{Gpt2, Saved}` makes `Gpt2` a name of `model`.
fn names_of_the_root(lib: &str) -> HashMap<String, String> {
    let code = code_of(lib);
    let mut names = HashMap::new();
    for statement in code.split("pub use ").skip(1) {
        let mut paths = Vec::new();
        read_tree(statement, &mut Vec::new(), &mut paths);
        for path in paths {
            names.insert(path.last().unwrap().clone(), module_of(&path).unwrap_or_else(|| path.join("::")));
        }
    }
    names
}

/// Every use of a module that is not below the file's own, as `file:line: what`.
///
/// `file` is its path inside `src`, for example `layers/mlp.rs`; `names` are those of the root.
fn upward_uses(file: &str, source: &str, names: &HashMap<String, String>) -> Vec<String> {
    let mut own: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_string).collect();
    if own.last().is_some_and(|last| last == "mod") {
        own.pop();
    }
    let Some(own_module) = module_of(&own) else {
        return vec![format!("{file}:1: this file stands on no floor; add it to HOUSE in tests/floors.rs")];
    };
    let code = code_of(source);
    let mut uses = paths_from(&code, "crate");
    uses.extend(paths_from(&code, "gpt60"));
    for (line, path) in paths_from(&code, "super") {
        // `super` is the folder that the module is in; each further `super` is one folder up.
        let n_up = path.iter().take_while(|name| *name == "super").count();
        let Some(depth) = own.len().checked_sub(1 + n_up) else {
            return vec![format!("{file}:{line}: `super` leads out of the crate")];
        };
        uses.push((line, [&own[..depth], &path[n_up..]].concat()));
    }
    let mut wrong = Vec::new();
    for (line, path) in uses {
        let module = module_of(&path).or_else(|| names.get(&path[0]).cloned()).unwrap_or_else(|| path[0].clone());
        match floor(&module) {
            None => {
                wrong.push(format!("{file}:{line}: {module} stands on no floor; add it to HOUSE in tests/floors.rs"))
            }
            Some(other) if module != own_module && Some(other) >= floor(&own_module) => {
                wrong.push(format!("{file}:{line}: {own_module} uses {}, which is not below it", path.join("::")));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Every crate that a file uses besides the standard library and this one, as `file:line: what`.
fn foreign_uses(file: &str, source: &str) -> Vec<String> {
    let code = code_of(source);
    let modules: Vec<&str> =
        code.lines().filter_map(|line| line.split("mod ").nth(1)?.split([';', ' ']).next()).collect();
    let mut wrong = Vec::new();
    for (i, line) in code.lines().enumerate() {
        let line = line.trim_start();
        let Some(path) =
            line.strip_prefix("use ").or(line.strip_prefix("pub use ")).or(line.strip_prefix("pub(crate) use "))
        else {
            continue;
        };
        let root = path.trim_start_matches("::").split([':', ';', ' ']).next().unwrap_or_default();
        let is_own = ["std", "core", "crate", "gpt60", "super", "self"].contains(&root)
            || modules.contains(&root)
            || root.starts_with(char::is_uppercase); // the variants of an enum of the file
        if !is_own {
            wrong.push(format!("{file}:{}: {root} is another crate", i + 1));
        }
    }
    for helper in ["proptest", "approx"] {
        wrong.extend(paths_from(&code, helper).iter().map(|(line, _)| format!("{file}:{line}: {helper} is for tests")));
    }
    wrong
}

// ---------------------------------------------------------------------------------------------------------------------
// The claims
// ---------------------------------------------------------------------------------------------------------------------

/// Every Rust file under `folder` of the project, as its path inside the folder and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut todo: Vec<PathBuf> = vec![top.clone()];
    let mut found = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name: Vec<_> = path.strip_prefix(&top).unwrap().iter().map(|part| part.to_string_lossy()).collect();
            found.push((name.join("/"), fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Whether a file holds unit tests alone: `tests` is only ever declared under `#[cfg(test)]`.
fn is_of_tests(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

#[test]
fn every_file_uses_only_what_stands_below_it() {
    let mut files = files("src");
    files.retain(|(file, _)| !is_of_tests(file));
    assert!(files.len() > 20, "only {} files were found", files.len());
    let names =
        names_of_the_root(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap());
    assert_eq!(names.get("Gpt2").map(String::as_str), Some("model"));
    let wrong: Vec<String> = files.iter().flat_map(|(file, source)| upward_uses(file, source, &names)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Every line above the engine room that splits work among threads itself or takes memory from the drawer, as `file:line`.
fn engine_work(file: &str, source: &str) -> Vec<String> {
    if file.starts_with("kernels/") {
        return Vec::new();
    }
    let code = code_of(source);
    let mut wrong = Vec::new();
    for (i, line) in code.lines().enumerate() {
        let splits_work = ["threads::each", "threads::n_runs", "threads::WORTH"].iter().any(|call| line.contains(call));
        // A tensor owns its memory; nothing else takes any.
        let calls = ["memory::take", "memory::zeros", "memory::copy", "memory::give_back", "memory::Scratch"];
        let takes_memory = calls.iter().any(|call| line.contains(call)) && file != "tensor.rs";
        let imports = line.contains("use ") && line.contains("kernels") && line.contains("threads");
        if splits_work || takes_memory || imports {
            wrong.push(format!("{file}:{}", i + 1));
        }
    }
    wrong
}

#[test]
fn above_the_engine_room_nobody_splits_work_or_takes_scratch_memory() {
    let wrong: Vec<String> = files("src").iter().flat_map(|(file, source)| engine_work(file, source)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(engine_work("layers/gelu.rs", "fn f() {}\nthreads::each(tasks, run);\n"), ["layers/gelu.rs:2"]);
    assert_eq!(engine_work("train/loss.rs", "use crate::kernels::{math, threads};\n"), ["train/loss.rs:1"]);
    assert_eq!(engine_work("weight.rs", "let x = memory::take(5);\n"), ["weight.rs:1"]);
    assert_eq!(engine_work("tensor.rs", "let x = memory::take(5);\n"), [""; 0]);
    assert_eq!(engine_work("kernels/gelu.rs", "threads::each(tasks, run);\n"), [""; 0]);
}

#[test]
fn the_library_and_the_examples_use_the_standard_library_alone() {
    let mut wrong = Vec::new();
    for folder in ["src", "examples"] {
        for (file, source) in files(folder).iter().filter(|(file, _)| !is_of_tests(file)) {
            wrong.extend(foreign_uses(&format!("{folder}/{file}"), source));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_package_depends_on_nothing() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut section = "";
    for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
            let is_another_list =
                line.contains("dependencies") && !["[dependencies]", "[dev-dependencies]"].contains(&line);
            assert!(!is_another_list, "{line}");
        } else if section == "[dependencies]" {
            panic!("the library depends on: {line}");
        } else if section == "[dev-dependencies]" {
            assert!(line.starts_with("approx =") || line.starts_with("proptest ="), "the tests depend on: {line}");
        }
    }
    assert!(manifest.contains("\n[dependencies]\n"));
}

#[test]
fn unsafe_code_is_allowed_in_the_engine_room_alone() {
    let mut allowed = Vec::new();
    for folder in ["src", "examples"] {
        for (file, source) in files(folder) {
            let code = code_of(&source);
            if ["allow", "expect"].iter().any(|word| code.contains(&format!("{word}(unsafe_code)"))) {
                allowed.push(format!("{folder}/{file}"));
            }
        }
    }
    assert!(allowed.iter().all(|file| file.starts_with("src/kernels/")), "{allowed:?}");
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    assert!(code_of(&lib).contains("#![deny(unsafe_code)]"));
}

/// How many lines of a file are code: neither empty, nor a comment, nor a unit test.
fn n_lines_of_code(source: &str) -> usize {
    code_of(source).lines().filter(|line| !line.trim().is_empty()).count()
}

#[test]
fn no_file_is_too_long_to_be_read_in_one_go() {
    let mut lengths = Vec::new();
    for folder in ["src", "examples", "tests"] {
        lengths.extend(files(folder).iter().map(|(file, text)| (format!("{folder}/{file}"), n_lines_of_code(text))));
    }
    lengths.retain(|(file, n)| *n > LONGEST && !LONGER.contains(&&**file));
    let too_long: Vec<String> = lengths.iter().map(|(file, n)| format!("{file} has {n} lines of code")).collect();
    assert!(too_long.is_empty(), "\n{}\n{LONGEST} are allowed\n", too_long.join("\n"));
    assert_eq!(n_lines_of_code("//! A\n\nfn f() {\n    // B\n}\n\n#[cfg(test)]\nmod tests;\n\nfn g() {} // C\n"), 3);
}

// ---------------------------------------------------------------------------------------------------------------------
// The reading itself
// ---------------------------------------------------------------------------------------------------------------------

fn uses(file: &str, source: &str) -> Vec<String> {
    let names =
        names_of_the_root("pub use error::{Error, Result};\npub use model::Gpt2;\npub use tensor::{Tensor, argmax};");
    upward_uses(file, source, &names)
}

#[test]
fn an_upward_use_is_named_with_its_file_and_line() {
    assert_eq!(uses("tensor.rs", "use crate::{Error, Result};\nuse crate::kernels::math;\n"), [""; 0]);
    let found = uses("tensor.rs", "use std::fmt;\nuse crate::Gpt2;\n");
    assert_eq!(found, ["tensor.rs:2: tensor uses Gpt2, which is not below it"]);
    let found = uses("rng.rs", "fn f() {\n    let x = crate::layers::gelu::gelu(1.0);\n}\n");
    assert_eq!(found, ["rng.rs:2: rng uses layers::gelu::gelu, which is not below it"]);
    let found = uses("error.rs", "use crate::{\n    Result,\n    tensor::{self as t, Tensor},\n};\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(uses("train/loss.rs", "use crate::generate::beam;").len(), 1); // beside it is not below it
    assert_eq!(uses("error.rs", "use super::tensor::Tensor;").len(), 1);
    assert_eq!(uses("kernels/math.rs", "use super::super::tensor::*;").len(), 1);
    assert_eq!(uses("model.rs", "use crate::exercises::gelu;").len(), 1);
}

#[test]
fn the_files_of_a_folder_use_each_other_and_those_of_layers_in_their_order() {
    assert_eq!(uses("kernels/matmul/mod.rs", "use super::cpu::run;\nuse crate::kernels::threads;"), [""; 0]);
    assert_eq!(uses("train/step.rs", "use super::loss::cross_entropy;"), [""; 0]);
    assert_eq!(uses("layers/mlp.rs", "use super::gelu;\nuse super::linear::Linear;"), [""; 0]);
    assert_eq!(uses("layers/linear.rs", "use super::softmax;").len(), 1);
    assert_eq!(uses("layers/mlp.rs", "use super::attention::Attention;").len(), 1);
    assert_eq!(uses("layers/attention.rs", "use super::block::Block;").len(), 1);
}

#[test]
fn an_unknown_file_or_name_is_reported() {
    assert!(uses("cellar.rs", "")[0].contains("cellar.rs:1: this file stands on no floor"));
    assert!(uses("model.rs", "use crate::Cellar;")[0].contains("model.rs:1: Cellar stands on no floor"));
}

#[test]
fn comments_and_unit_tests_may_point_anywhere() {
    let source = "//! See [`crate::Gpt2`].\nfn f() {} // like crate::model\n\n#[cfg(test)]\nmod tests {\n    use crate::Gpt2;\n}\n";
    assert_eq!(uses("rng.rs", source), [""; 0]);
    assert_eq!(uses("rng.rs", "#[cfg(test)]\nuse crate::Gpt2;\nuse crate::Gpt2;\n").len(), 1);
    let after = format!("{source}use crate::Gpt2;\n");
    assert_eq!(uses("rng.rs", &after), ["rng.rs:8: rng uses Gpt2, which is not below it"]);
}

#[test]
fn another_crate_is_reported() {
    let source = "use std::fmt;\nmod part;\nuse part::Part;\nuse rand::Rng;\nfn f() { proptest::run(); }\n";
    assert_eq!(foreign_uses("x.rs", source), ["x.rs:4: rand is another crate", "x.rs:5: proptest is for tests"]);
}
