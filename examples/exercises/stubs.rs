//! The exercises as text: their titles, tasks and solutions.

use gpt60::cli::{Failure, Outcome};
use std::fs;
use std::path::Path;

/// An exercise, as described by its file in `src/exercises/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    pub name: String,
    /// The contents of the file; empty if the file is gone.
    pub text: String,
    pub header: Header,
}

/// The first line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub title: String,
    pub chapter: u32,
    pub level: String,
    pub minutes: u32,
}

impl Header {
    /// Reads `//! Exercise: TITLE. Chapter N. LEVEL, M minutes.` A title may also end with a question mark, and the
    /// chapter's number may be followed by a comma and more.
    pub fn parse(text: &str) -> Option<Header> {
        let line = text.lines().next()?.strip_prefix("//! Exercise: ")?.strip_suffix(" minutes.")?;
        let (title, rest) = line.rsplit_once(" Chapter ")?;
        let (chapter, rest) = rest.split_once(". ")?;
        let (level, minutes) = rest.split_once(", ")?;
        let chapter = chapter.split(',').next()?;
        let (chapter, minutes) = (chapter.parse().ok()?, minutes.parse().ok()?);
        Some(Header { title: title.trim_end_matches('.').to_string(), chapter, level: level.to_string(), minutes })
    }
}

/// The names of the exercises in the order of the book, which is the order of the `pub mod` lines.
pub fn names(root: &Path) -> Outcome<Vec<String>> {
    let file = root.join("src/exercises/mod.rs");
    let text = fs::read_to_string(&file).map_err(|_| {
        let problem = format!("{} is not there: this program reads the exercises in the source", file.display());
        Failure::Failed(problem)
    })?;
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.trim_end().strip_suffix(';'));
    Ok(names.filter(|name| *name != "parts").map(str::to_string).collect())
}

/// All exercises. A damaged or missing file does not hide the others.
pub fn read(root: &Path) -> Outcome<Vec<Stub>> {
    let stub = |name: String| {
        let text = fs::read(root.join(format!("src/exercises/{name}.rs")));
        let title = if text.is_ok() { "(its first line is not as it was)" } else { "(its file is gone)" };
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let unknown = || Header { title: title.to_string(), chapter: 0, level: "?".to_string(), minutes: 0 };
        Stub { name, header: Header::parse(&text).unwrap_or_else(unknown), text }
    };
    Ok(names(root)?.into_iter().map(stub).collect())
}

/// What to say about a missing file.
pub fn gone(file: &str) -> String {
    format!("{file} is gone; `git checkout {file}` brings it back as it was committed")
}

/// The file of a chapter, and its title from the first line, `# 4. Basic layers`.
pub fn chapter(root: &Path, number: u32) -> Option<(String, String)> {
    let files = fs::read_dir(root.join("docs")).ok().filter(|_| number > 0)?.flatten(); // chapter 0 has no exercise
    let mut names = files.filter_map(|file| file.file_name().into_string().ok());
    let name = names.find(|name| name.starts_with(&format!("{number:02}-")) && name.ends_with(".md"))?;
    let file = format!("docs/{name}");
    let text = fs::read_to_string(root.join(&file)).ok()?;
    let title = text.lines().next()?.strip_prefix(&format!("# {number}. "))?;
    Some((file, title.to_string()))
}

impl Stub {
    pub fn file(&self) -> String {
        format!("src/exercises/{}.rs", self.name)
    }

    /// The file and the line of the function.
    pub fn place(&self) -> String {
        let line = self.text.lines().position(|line| line.starts_with("pub fn ")).map_or(1, |i| i + 1);
        format!("{}:{line}", self.file())
    }

    /// The first paragraph after the header. Its last words may lead to a list or a formula below it, which is not shown
    /// here: a colon becomes a full stop, and a sentence without an end is left out.
    pub fn task(&self) -> String {
        let docs = self.text.lines().skip(1).map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let lines = docs.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join(" ");
        if let Some(whole) = text.strip_suffix(':') {
            return format!("{whole}.");
        }
        match text.rfind(". ") {
            Some(end) if !text.ends_with(['.', '?', '!', ')']) => text[..=end].to_string(),
            _ => text,
        }
    }

    /// The task in one line: what the comment above the function says that it does. `None` if the comment is gone.
    pub fn task_line(&self) -> Option<String> {
        let function = self.text.lines().position(|line| line.starts_with("pub fn "))?;
        let above: Vec<&str> = self.text.lines().take(function).collect();
        let above = above.into_iter().rev().skip_while(|line| line.starts_with("#["));
        let mut lines: Vec<&str> = above.map_while(|line| line.strip_prefix("///")).map(str::trim).collect();
        lines.reverse();
        let paragraph: Vec<&str> = lines.into_iter().take_while(|line| !line.is_empty()).collect();
        (!paragraph.is_empty()).then(|| paragraph.join(" "))
    }

    /// The library's file and function, from the last line: `// Solution: src/layers/mlp.rs, Mlp::forward`.
    pub fn solution(&self) -> Option<(String, String)> {
        let line = self.text.lines().rev().find_map(|line| line.strip_prefix("// Solution: "))?;
        line.trim_end().split_once(", ").map(|(file, item)| (file.to_string(), item.to_string()))
    }
}

/// The line of a function, or of a method such as `Mlp::forward`.
pub fn line_of(text: &str, item: &str) -> Option<usize> {
    let (owner, function) = item.rsplit_once("::").map_or((None, item), |(owner, function)| (Some(owner), function));
    let lines: Vec<&str> = text.lines().collect();
    let start = match owner {
        Some(owner) => {
            let heads = [format!("impl {owner} "), format!("impl<'a> {owner}<'a> "), format!("impl {owner}<")];
            lines.iter().position(|line| heads.iter().any(|head| line.starts_with(head)))?
        }
        None => 0,
    };
    let heads = [format!("fn {function}("), format!("fn {function}<")];
    let is_head = |line: &&str| heads.iter().any(|head| line.contains(head) && !line.trim_start().starts_with("//"));
    lines[start..].iter().position(is_head).map(|i| start + i + 1)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::path::PathBuf;

    pub const STUB: &str = "\
//! Exercise: twice, e.g. 2. Twice. Chapter 12. Medium, 25 minutes.
//!
//! Double every number
//! of a list.
//!
//! | argument | shape |

use super::not_started;
use gpt60::{
    Result,
    Tensor,
};

/// How often.
#[derive(Debug)]
pub struct Times {
    pub n: usize,
}

impl Times {
    /// Once.
    pub fn once() -> Times {
        Times { n: 1 }
    }
}

/// Twice: `[m] -> [m]`.
pub fn forward(x: &[f32]) -> Vec<f32> {
    not_started()
}

/// So often: `[m] -> [m]`.
#[must_use]
pub fn many(
    x: &[f32],
    times: &Times,
) -> Result<Tensor> {
    not_started()
}

// Solution: src/twice.rs, Twice::forward
";

    pub fn stub(text: &str) -> Stub {
        let header = Header::parse(text).unwrap();
        Stub { name: "twice".to_string(), text: text.to_string(), header }
    }

    pub fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_first_line_says_title_chapter_level_and_minutes() {
        let header = Header::parse(STUB).unwrap();
        assert_eq!((header.title.as_str(), header.chapter), ("twice, e.g. 2. Twice", 12));
        assert_eq!((header.level.as_str(), header.minutes), ("Medium", 25));
        let header = Header::parse("//! Exercise: why? Chapter 3, and again in 12. Hard, 5 minutes.").unwrap();
        assert_eq!((header.title.as_str(), header.chapter, header.minutes), ("why?", 3, 5));
        for wrong in ["", "//! Exercise: x.", "//! Exercise: x. Chapter one. Easy, 5 minutes.", "use x;"] {
            assert_eq!(Header::parse(wrong), None);
        }
    }

    #[test]
    fn an_exercise_is_read_whatever_has_been_written_in_it() {
        let begun = STUB.replace("not_started()\n}", "{{ \"let x = [; // Solution: no, no\n}");
        for text in [STUB, &begun] {
            let stub = stub(text);
            assert_eq!(stub.task(), "Double every number of a list.");
            assert_eq!(stub.task_line().as_deref(), Some("Twice: `[m] -> [m]`."));
            assert_eq!(stub.place(), "src/exercises/twice.rs:28");
            assert_eq!(stub.solution(), Some(("src/twice.rs".to_string(), "Twice::forward".to_string())));
        }
    }

    /// Exercises that are begun may have lost a comment; the others must be whole.
    #[test]
    fn every_exercise_has_a_title_a_task_and_a_solution() {
        let stubs = read(&root()).unwrap();
        assert!(stubs.len() >= 2);
        for stub in stubs.iter().filter(|stub| stub.text.contains("    not_started()\n}\n")) {
            let name = &stub.name;
            assert!(Header::parse(&stub.text).is_some(), "{name}: the first line is not as it must be");
            assert!(["Easy", "Medium", "Hard"].contains(&stub.header.level.as_str()), "{name}");
            assert!(stub.task().len() > 20, "{name} does not say what to do");
            assert!(stub.task().ends_with(['.', '?', ')']), "{name} breaks off: {}", stub.task());
            let line = stub.task_line().unwrap_or_else(|| panic!("{name} does not say what its function does"));
            assert!((15..150).contains(&line.chars().count()) && line.ends_with('.'), "{name}: {line}");
            let (file, item) = stub.solution().unwrap_or_else(|| panic!("{name} has no line `// Solution: `"));
            let library =
                fs::read_to_string(root().join(&file)).unwrap_or_else(|_| panic!("{name}: there is no {file}"));
            assert!(line_of(&library, &item).is_some(), "{name}: there is no {item} in {file}");
        }
    }

    #[test]
    fn a_task_ends_with_a_whole_sentence() {
        let task = |words: &str| stub(&STUB.replace("//! of a list.", &format!("//! of a list{words}"))).task();
        assert_eq!(task(". It is in"), "Double every number of a list.");
        assert_eq!(task(". It is:"), "Double every number of a list. It is.");
        assert_eq!(task(". Why?"), "Double every number of a list. Why?");
        assert_eq!(task(""), "Double every number of a list"); // no sentence at all: all of it
        assert_eq!(stub(&STUB.replace("/// Twice: `[m] -> [m]`.\n", "")).task_line(), None);
    }

    #[test]
    fn a_function_and_a_method_are_found_in_a_file() {
        let text = "/// fn f() {\nimpl A {\n    pub fn f<T>(x: T) {\n    }\n}\nimpl B<'_> {\n    fn f(\n}\nfn ff() {}\nfn g() {}\n";
        let lines = ["f", "A::f", "B::f", "g", "h", "C::f"].map(|item| line_of(text, item));
        assert_eq!(lines, [Some(3), Some(3), Some(7), Some(10), None, None]);
    }

    #[test]
    fn a_chapter_is_found_by_its_number() {
        let (file, title) = chapter(&root(), 4).unwrap();
        assert_eq!((file.as_str(), title.as_str()), ("docs/04-basic-layers.md", "Basic layers"));
        assert_eq!([0, 99].map(|number| chapter(&root(), number)), [None, None]);
    }
}
