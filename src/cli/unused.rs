//! What was given and changes nothing: a flag beside another that leaves it nothing to do. It is said in a line, because
//! whoever gave it expects it to count.

use crate::cli::flags::Args;

/// The flags that say how to draw.
const DRAWING: [&str; 6] = ["--seed", "--top-k", "--top-p", "--min-p", "--typical-p", "--epsilon-cutoff"];

/// The other flags that change the scores before a token is chosen.
const KNOBS: [&str; 3] = ["--temperature", "--repetition-penalty", "--no-repeat-ngram"];

/// A line for each flag that was given and changes nothing.
pub(super) fn flags(args: &Args) -> Vec<String> {
    let mut lines = Vec::new();
    let temperature = args.get("--temperature").and_then(|text| text.trim().parse().ok());
    if temperature == Some(0.0) && !args.has("--raw") {
        for flag in DRAWING.into_iter().filter(|flag| args.has(flag)) {
            lines.push(format!("{flag} changes nothing: at temperature 0 the likeliest token is always taken"));
        }
    }
    if args.has("--raw") {
        for flag in KNOBS.into_iter().chain(DRAWING).filter(|flag| args.has(flag)) {
            lines.push(format!("{flag} changes nothing: --raw prints the logits as the model gives them"));
        }
    }
    if args.has("--train") {
        for flag in ["--model", "--ids"].into_iter().filter(|flag| args.has(flag)) {
            lines.push(format!("{flag} changes nothing: --train trains two small models of its own"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::flags::{Command, Flag};
    use crate::cli::{MODEL, SEED, TEMPERATURE, TOP_K};

    /// A flag without a value.
    const fn switch(name: &'static str) -> Flag {
        Flag { name, value: "", help: "" }
    }

    const COMMAND: Command = Command {
        name: "test",
        about: "",
        operands: "",
        max_operands: 0,
        flags: &[TEMPERATURE, TOP_K, SEED, MODEL, switch("--raw"), switch("--train")],
        chapter: "none",
    };

    fn lines(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        flags(&COMMAND.parse(&words).unwrap().unwrap())
    }

    #[test]
    fn a_flag_for_drawing_is_named_where_nothing_is_drawn() {
        let both = lines(&["--temperature", "0", "--seed", "7", "--top-k=5"]);
        assert!(both.len() == 2 && both[0].starts_with("--seed changes") && both[1].starts_with("--top-k changes"));
        assert!(lines(&["--temperature", "0"]).is_empty());
        assert!(lines(&["--temperature", "0.5", "--seed", "7"]).is_empty());
        assert!(lines(&["--seed", "7"]).is_empty());
    }

    #[test]
    fn a_flag_is_named_beside_one_that_leaves_it_nothing_to_do() {
        let said = lines(&["--raw", "--temperature", "0", "--seed", "7"]);
        assert!(said.len() == 2 && said[0].starts_with("--temperature changes nothing: --raw"), "{said:?}");
        assert!(said[1].starts_with("--seed changes nothing: --raw"), "{said:?}");
        let said = lines(&["--train", "--model", "gpt2"]);
        assert!(said.len() == 1 && said[0].starts_with("--model changes nothing: --train"), "{said:?}");
        for alone in ["--raw", "--train"] {
            assert!(lines(&[alone]).is_empty(), "{alone}");
        }
        assert!(lines(&["--model", "gpt2", "--temperature", "2"]).is_empty());
    }
}
