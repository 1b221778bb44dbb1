//! The book holds together: its links lead somewhere, its blocks say their language, and rustdoc sees every chapter.

#[path = "common/pages.rs"]
mod pages;

use pages::pages;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The targets of `[text](target)` outside code blocks.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start_matches(['>', ' ']).starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("](") {
            let target = &rest[at + 2..];
            let end = target.find(')').unwrap_or_else(|| panic!("a link without an end: {line}"));
            links.push(target[..end].to_string());
            rest = &target[end..];
        }
    }
    links
}

#[test]
fn every_link_leads_to_a_file_that_is_there() {
    let mut n_links = 0;
    for page in pages() {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            if link.starts_with("https://") || link.starts_with('#') {
                continue;
            }
            n_links += 1;
            let file = link.split('#').next().unwrap();
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{}: the link {link} leads nowhere", page.display());
        }
    }
    assert!(n_links > 50, "only {n_links} links were found");
    count(&format!("{n_links} links to files that are there"));
}

/// The anchors of a page: a heading in small letters, without punctuation, with `-` for each space.
fn anchors(text: &str) -> Vec<String> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_block ^= line.trim_start_matches(['>', ' ']).starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !in_block) {
            let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
            let words: String = heading.trim_start_matches('#').trim().chars().filter(kept).collect();
            found.push(words.to_lowercase().replace(' ', "-"));
        }
    }
    found
}

#[test]
fn an_anchor_is_the_heading_in_small_letters() {
    let page = "# 13. Training\n## The step: AdamW\n```text\n# no heading\n```\n### nanoGPT's `ckpt.pt`\n";
    assert_eq!(anchors(page), ["13-training", "the-step-adamw", "nanogpts-ckptpt"]);
}

#[test]
fn every_link_into_a_page_leads_to_a_heading_of_it() {
    let mut n_anchors = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let Some((file, anchor)) = link.split_once('#') else { continue };
            if !link.starts_with("https://") && (file.is_empty() || file.ends_with(".md")) {
                let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
                let headings = anchors(&fs::read_to_string(&target).unwrap_or_default());
                assert!(headings.iter().any(|heading| heading == anchor), "{}: {link} leads nowhere", page.display());
                n_anchors += 1;
            }
        }
    }
    assert!(n_anchors > 50, "only {n_anchors} links to headings were found");
}

/// The part of a page under this heading, up to the next heading of the same kind.
fn section<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("\n## {heading}\n"))?;
    Some(after.split_once("\n## ").map_or(after, |(section, _)| section))
}

#[test]
fn a_chapter_opens_with_a_question_and_a_promise_closes_with_three_questions_and_is_not_long() {
    let mut n_chapters = 0;
    for page in pages() {
        let name = page.file_stem().unwrap().to_str().unwrap().to_string();
        if !name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        n_chapters += 1;
        let text = fs::read_to_string(&page).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= 450, "{name} has {} lines", lines.len());
        assert!(lines[..5].iter().any(|line| line.starts_with("**The question:** ")), "{name} asks no question");
        let promise = lines.iter().position(|line| line.starts_with("At the end of this chapter you can"));
        let promise = promise.filter(|&at| at < 60).unwrap_or_else(|| panic!("{name} promises nothing"));
        let promised = lines[promise + 1..].iter().skip_while(|line| line.is_empty());
        let n_promised = promised.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("* ")).count();
        assert!((3..=5).contains(&n_promised), "{name} promises {n_promised} things");

        let questions = section(&text, "Three questions").unwrap_or_else(|| panic!("{name} has no questions"));
        let (first, rest) = questions.split_once("\n2. ").expect("a second question");
        let (second, third) = rest.split_once("\n3. ").expect("a third question");
        for (i, question) in [first.split_once("1. ").expect("a first question").1, second, third].iter().enumerate() {
            let where_to_look = links(question);
            assert!(question.contains('?'), "{name}: question {} asks nothing", i + 1);
            assert!(where_to_look.iter().any(|l| l.contains('#')), "{name}: where is the answer to {}?", i + 1);
        }
        assert!(!third.contains("\n4. "), "{name} has more than three questions");
    }
    assert_eq!(n_chapters, 18);
}

/// Says how much was tested. (The test program hides what `println` prints, unless a test fails.)
fn count(what: &str) {
    let _ = writeln!(std::io::stderr(), "the book: {what}");
}

#[test]
fn every_picture_is_explained_and_shown_in_a_chapter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let file = page.file_name().unwrap().to_str().unwrap();
        for line in text.lines().filter(|line| line.starts_with("![")) {
            let (words, target) = line[2..].strip_suffix(')').and_then(|rest| rest.split_once("](")).expect(line);
            assert!(words.len() > 40, "{file}: {target} is not explained to those who cannot see it");
            let target = target.trim_start_matches("docs/").to_string(); // the README is a floor above
            shown.push(target);
        }
    }
    for picture in fs::read_dir(root.join("docs/img")).unwrap() {
        let target = format!("img/{}", picture.unwrap().file_name().to_str().unwrap());
        assert!(shown.contains(&target), "no chapter shows {target}");
    }
}

#[test]
fn every_block_says_its_language() {
    let (mut n_blocks, mut n_rust) = (0, 0);
    for page in pages() {
        let mut in_block = false;
        for (i, line) in fs::read_to_string(&page).unwrap().lines().enumerate() {
            let Some(language) = line.trim_start_matches(['>', ' ']).strip_prefix("```") else { continue };
            if !in_block {
                let known =
                    ["rust", "text", "console", "rust,should_panic", "rust,compile_fail", "json", "toml", "python"];
                assert!(
                    known.contains(&language),
                    "{}:{}: the block's language is {language:?}",
                    page.display(),
                    i + 1
                );
                n_blocks += 1;
                n_rust += usize::from(language.starts_with("rust"));
            }
            in_block = !in_block;
        }
        assert!(!in_block, "{}: a block does not end", page.display());
    }
    count(&format!("{} pages, {n_blocks} blocks, {n_rust} of them Rust", pages().len()));
}

#[test]
fn every_chapter_is_compiled_and_run() {
    let book = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/book.rs")).unwrap();
    for page in pages() {
        let name = page.file_stem().unwrap().to_str().unwrap();
        if name != "README" {
            let is_a_chapter = book.contains(&format!("{}, \"{name}\"", module(name)));
            assert!(is_a_chapter, "{name} is not in src/book.rs");
        }
    }
}

/// The module of a chapter: `ch05_attention` for `05-attention`.
fn module(name: &str) -> String {
    let is_numbered = name.starts_with(|c: char| c.is_ascii_digit());
    (if is_numbered { "ch" } else { "" }).to_string() + &name.replace('-', "_")
}

/// A directory with the book in it, and nothing else of the crate. It is removed at the end.
struct BookElsewhere(PathBuf);

impl BookElsewhere {
    fn new(name: &str) -> BookElsewhere {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = BookElsewhere(std::env::temp_dir().join(name));
        let _ = fs::remove_dir_all(&copy.0);
        for dir in ["src", "docs", "docs/img"] {
            fs::create_dir_all(copy.0.join(dir)).unwrap();
        }
        let mut files = vec![root.join("src/book.rs"), root.join("src/book.js")];
        files.extend(pages());
        files.extend(fs::read_dir(root.join("docs/img")).unwrap().map(|picture| picture.unwrap().path()));
        for file in files {
            fs::copy(&file, copy.0.join(file.strip_prefix(root).unwrap())).unwrap();
        }
        copy
    }
}

impl Drop for BookElsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A page that is read elsewhere must not need anything from here. The copy's name contains what would break a link,
/// too.
#[test]
fn a_page_of_the_documentation_brings_its_pictures_and_says_nothing_of_this_machine() {
    let name = format!("gpt60-book-`#%-{}", std::process::id());
    let copy = BookElsewhere::new(&name);
    let beside_cargo = Path::new(env!("CARGO")).with_file_name(format!("rustdoc{}", std::env::consts::EXE_SUFFIX));
    let rustdoc = std::env::var_os("RUSTDOC").map_or(beside_cargo, PathBuf::from);
    // As `cargo doc` does with the whole crate.
    let mut command = std::process::Command::new(rustdoc);
    command.args(["--edition", "2024", "--crate-name", "book", "--out-dir", "out", "src/book.rs"]);
    let output = command.current_dir(&copy.0).env("CARGO_MANIFEST_DIR", &copy.0).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut n_pictures = 0;
    for page in pages().iter().filter(|page| !page.ends_with("README.md")) {
        let file = page.file_stem().unwrap().to_str().unwrap();
        let html = fs::read_to_string(copy.0.join(format!("out/book/{}/index.html", module(file)))).unwrap();
        assert!(!html.contains(&name) && !html.contains("file://"), "{file} says where it was made");
        let text = fs::read_to_string(page).unwrap();
        for picture in links(&text).iter().filter(|link| link.starts_with("img/")) {
            let svg = fs::read_to_string(page.with_file_name(picture)).unwrap();
            let data = format!("<script type=\"image/svg+xml\" data-place=\"{picture}\">\n{svg}</script>");
            assert!(html.contains(&data), "src/book.rs does not name {picture} for {file}");
            n_pictures += 1;
        }
    }
    assert!(n_pictures > 5, "{n_pictures}");
}

#[test]
fn every_item_of_the_checklist_has_a_chapter_a_source_an_example_and_an_exercise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, after) = readme.split_once("## What you will understand").unwrap();
    let (checklist, _) = after.split_once("\n## ").unwrap();
    let items: Vec<&str> = checklist.lines().filter(|line| line.starts_with("| **")).collect();
    let is_there = |dir: &str, cell: &str| {
        let name = cell.trim().strip_prefix('`')?.strip_suffix('`')?;
        root.join(dir).join(format!("{name}.rs")).exists().then_some(())
    };
    for item in &items {
        let cells: Vec<&str> = item.trim_matches('|').split('|').collect();
        let [_, chapter, source, example, exercise] = cells[..] else { panic!("not five cells: {item}") };
        // Whether the links lead somewhere is tested above.
        assert!(chapter.contains("](docs/") && source.contains("](src/"), "{item}");
        assert!(is_there("examples", example).is_some(), "there is no such example: {item}");
        assert!(is_there("src/exercises", exercise).is_some(), "there is no such exercise: {item}");
    }
    assert!(items.len() >= 20, "only {} items were found", items.len());
}

/// Every file below a directory whose name ends with this.
fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
}

#[test]
fn what_the_text_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for dir in ["src", "tests", "examples"] {
        files(&root.join(dir), ".rs", &mut sources);
    }
    let source: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // A file that the reader writes.
    let not_ours = ["examples/mine.rs"];
    let (mut n_files, mut n_items, mut n_examples) = (0, 0, 0);
    for page in pages() {
        let name = page.display();
        let text = fs::read_to_string(&page).unwrap();
        for after in text.split("--example ").skip(1) {
            let example = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            if example.chars().any(|c| c.is_lowercase()) {
                n_examples += 1;
                let file = root.join(format!("examples/{example}.rs"));
                let is_there = file.exists() || not_ours.iter().any(|other| file.ends_with(other));
                assert!(is_there, "{name}: there is no example {example}");
            }
        }
        // Every second piece of a line is between two backticks.
        let lines = text.lines().filter(|line| !line.contains("```"));
        for span in lines.flat_map(|line| line.split('`').skip(1).step_by(2)) {
            if span.ends_with(".rs") && !span.contains(' ') && !not_ours.contains(&span) {
                n_files += 1;
                let is_there = sources.iter().any(|path| path.ends_with(span));
                assert!(is_there, "{name}: there is no {span}");
            } else if let Some((kind, item)) = span.split_once("::") {
                let is_ours = ["struct", "enum"].iter().any(|word| source.contains(&format!("pub {word} {kind} ")));
                if is_ours {
                    n_items += 1;
                    let item = item.split('(').next().unwrap();
                    let is_there = source.contains(&format!("fn {item}(")) || source.contains(&format!("    {item},"));
                    assert!(is_there, "{name}: {kind} has no {item}");
                }
            }
        }
    }
    assert!(n_files > 50 && n_items > 3 && n_examples > 20, "{n_files} {n_items} {n_examples}");
    count(&format!("{n_files} names of source files, {n_items} of items, {n_examples} of examples"));
}

#[test]
fn every_public_module_leads_to_its_chapter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    files(&root, ".rs", &mut sources);
    let mut n_modules = 0;
    for parent in sources {
        if parent.starts_with(root.join("exercises")) {
            continue; // not part of the library
        }
        for line in fs::read_to_string(&parent).unwrap().lines() {
            let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
            if ["book", "cli"].contains(&name) {
                continue; // the chapters themselves, and what only the examples see
            }
            let dir = parent.parent().unwrap();
            let file = [dir.join(format!("{name}.rs")), dir.join(name).join("mod.rs")];
            let text = file.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap();
            let documentation: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
            assert!(documentation.contains("(crate::book::ch"), "{} names no chapter: {name}", parent.display());
            n_modules += 1;
        }
    }
    assert!(n_modules > 40, "only {n_modules} modules were found");
}
