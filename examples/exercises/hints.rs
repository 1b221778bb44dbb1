//! The hints of an exercise: `src/exercises/hints/NAME.md`. They are not in the exercise's own file, because whoever
//! opens that file would see all of them at once.

use super::stubs::Stub;
use std::fs;
use std::path::Path;

/// Where they are.
pub fn file(name: &str) -> String {
    format!("src/exercises/hints/{name}.md")
}

/// The hints of an exercise, each as lines; none if the file is gone.
pub fn read(root: &Path, stub: &Stub) -> Vec<Vec<String>> {
    parse(&fs::read_to_string(root.join(file(&stub.name))).unwrap_or_default())
}

/// A hint begins with `Hint 1. `, the next one with `Hint 2. `, and so on.
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut hints: Vec<Vec<String>> = Vec::new();
    for line in text.lines().map(|line| line.trim_end().to_string()) {
        if line.starts_with(&format!("Hint {}. ", hints.len() + 1)) {
            hints.push(vec![line]);
        } else if let Some(hint) = hints.last_mut() {
            hint.push(line);
        }
    }
    for hint in &mut hints {
        while hint.last().is_some_and(String::is_empty) {
            hint.pop();
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::super::stubs::tests::root;
    use super::super::stubs::{names, read as read_stubs};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn hints_are_told_apart_by_their_numbers() {
        let text =
            "Hint 1. Twice\n        is two times.\n\nHint 2. 2*x.\n\nHint 3. `x.iter()`\n\n        and `map`.\n\n";
        let hints = parse(text);
        assert_eq!(hints[..2], [vec!["Hint 1. Twice", "        is two times."], vec!["Hint 2. 2*x."]]);
        assert_eq!(hints[2], ["Hint 3. `x.iter()`", "", "        and `map`."]);
        assert_eq!(hints.len(), 3);
        assert!(parse("Hint 2. Too early.\n").is_empty());
    }

    #[test]
    fn every_exercise_has_three_hints_in_a_file_of_their_own() {
        let stubs = read_stubs(&root()).unwrap();
        assert!(stubs.len() >= 30, "only {} exercises were found", stubs.len());
        for stub in &stubs {
            let hints = read(&root(), stub);
            assert_eq!(hints.len(), 3, "{}", file(&stub.name));
            for hint in &hints {
                assert!(hint.join(" ").len() > 40, "{}: too short: {hint:?}", stub.name);
            }
            assert!(!stub.text.contains("Hint 1."), "{} shows its hints to whoever opens it", stub.file());
        }
        let files = fs::read_dir(root().join("src/exercises/hints")).unwrap();
        let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let expected: BTreeSet<String> = names(&root()).unwrap().iter().map(|name| format!("{name}.md")).collect();
        assert_eq!(files, expected);
    }
}
