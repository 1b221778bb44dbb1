//! An exercise as it was before anyone wrote in it.

use super::stubs::Stub;

impl Stub {
    /// The file as it was before anyone wrote in it; `None` if it has no function any more.
    ///
    /// There is no second copy of it anywhere. But the beginnings of the lines tell what belongs to the exercise:
    /// comments `//!`, `use`, items that are `pub`, an `impl` above the function, and the last line. Everything else is the
    /// learner's and is removed, and the body of every `pub fn` becomes `not_started()` again. Braces are not counted:
    /// in the middle of work, they may not match.
    pub fn fresh(&self) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut above = Vec::new(); // comments and attributes, which belong to the item below them
        let mut rest = self.text.lines().peekable();
        let mut has_function = false;
        while let Some(line) = rest.next() {
            if line.starts_with("//!") || line.starts_with("// Solution: ") {
                lines.push(line.to_string());
            } else if line.starts_with("//") || line.starts_with("#[") {
                above.push(line.to_string());
            } else if line.starts_with("pub fn ") {
                has_function = true;
                lines.append(&mut above);
                // The signature continues up to the first opening brace.
                let mut line = line;
                while !line.contains('{') {
                    lines.push(line.to_string());
                    line = rest.next_if(|line| !begins_an_item(line))?;
                }
                let signature = line.split('{').next().unwrap_or(line);
                lines.extend([format!("{signature}{{"), "    not_started()".to_string(), "}".to_string()]);
                while rest.next_if(|line| !begins_an_item(line)).is_some() {}
                lines.push(String::new());
            } else if line.starts_with("pub ")
                || line.starts_with("use ")
                || (line.starts_with("impl") && !has_function)
            {
                lines.append(&mut above);
                lines.push(line.to_string());
                while let Some(line) = rest.next_if(|line| !begins_an_item(line)) {
                    lines.push(line.to_string());
                }
            } else if line.is_empty() {
                above.clear();
                lines.push(String::new());
            } else {
                // An item of the learner's, or the inside of one.
                above.clear();
            }
        }
        // One empty line where several meet.
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
        has_function.then(|| lines.join("\n").trim_end().to_string() + "\n")
    }
}

/// Whether a line starts at the left margin and begins something new.
fn begins_an_item(line: &str) -> bool {
    let inside = [' ', '\t', '}', ')', ']'];
    !line.is_empty() && !line.starts_with(inside) && !line.starts_with("where")
}

#[cfg(test)]
mod tests {
    use super::super::stubs::read;
    use super::super::stubs::tests::{STUB, root, stub};
    use super::*;

    /// What a learner may have done to an exercise.
    fn edits(original: &str) -> Vec<String> {
        let bodies = [
            "x.iter().map(|x| 2.0 * x).collect()",
            "let mut y = vec![];\n\n    for x in x {\n        y.push(2 * x\n    }\n",
            "}}}",
            "{ \"an open string",
            "if true {\n// let y = 1;\nlet y = 2;\n    y\n",
            "/* a comment\n    that ends */ todo!()",
        ];
        let helper = "/// Mine.\n#[inline]\nfn helper(x: f32) -> f32 {\n    x\n}\n\n";
        let mut edits: Vec<String> =
            bodies.map(|body| original.replace("not_started()\n", &format!("{body}\n"))).into();
        edits.push(original.replace(" {\n    not_started()\n}\n", " { 7 }\n"));
        edits.push(original.replace("    not_started()\n}\n", "    7\n}\n\n#[cfg(test)]\nmod tests {\n    fn f() {\n"));
        edits.push(original.replacen("/// ", &format!("{helper}/// "), 1));
        edits.push(original.replace("// Solution", &format!("const N: usize = 1;\n{helper}// Solution")));
        edits.push(
            original.replace("// Solution", "// Hint 1. As they once stood here.\n//\n// Hint 2. More.\n\n// Solution"),
        );
        edits.push(format!("{original}\n{helper}"));
        edits.push(
            original
                .replace("// Solution", "impl Mine {\n    fn new() -> Mine {\n        Mine\n    }\n}\n\n// Solution"),
        );
        edits
    }

    #[test]
    fn an_exercise_becomes_again_what_it_was() {
        assert_eq!(stub(STUB).fresh().unwrap(), STUB);
        for text in edits(STUB) {
            assert_ne!(text, STUB);
            assert_eq!(stub(&text).fresh().unwrap(), STUB, "after\n{text}");
        }
        assert_eq!(stub(&STUB.replace("pub fn", "fn")).fresh(), None);
        assert_eq!(stub(STUB.split("many(").next().unwrap()).fresh(), None);
    }

    /// Holds for everything that a learner may have made of them.
    #[test]
    fn every_exercise_becomes_again_what_it_was() {
        for stub in read(&root()).unwrap() {
            let Some(fresh) = stub.fresh() else { continue };
            assert!(fresh.contains("    not_started()\n}\n"), "{}", stub.name);
            let again = |text: &str| Stub { text: text.to_string(), ..stub.clone() }.fresh().unwrap();
            assert_eq!(again(&fresh), fresh, "{}", stub.name);
            for text in edits(&fresh) {
                assert_eq!(again(&text), fresh, "{}, after\n{text}", stub.name);
            }
            assert_eq!(fresh.lines().next(), stub.text.lines().next());
        }
    }
}
