//! What an example accepts, and what it was given: the words of a command line, sorted into flags and operands.

use crate::cli::failure::{Failure, Outcome};
use crate::cli::near::near_flags;
use crate::cli::terminal::wrap;
use std::fmt::Display;
use std::str::FromStr;

/// A flag of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// With its dashes: `--tokens`.
    pub name: &'static str,
    /// What follows it, for the help: `N`. Empty for a flag that stands alone.
    pub value: &'static str,
    /// What it means, with its default.
    pub help: &'static str,
}

/// What an example is: for `--help`, and to check what it is given.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The example's name.
    pub name: &'static str,
    /// What it shows, in a sentence or two.
    pub about: &'static str,
    /// What it takes besides flags, as the help shows it: `[PROMPT]`. Empty if it takes nothing else.
    pub operands: &'static str,
    /// How many operands it accepts.
    pub max_operands: usize,
    /// Its flags; `--help` is understood without being listed.
    pub flags: &'static [Flag],
    /// The chapter that explains it.
    pub chapter: &'static str,
}

/// What an example was given.
#[derive(Debug, Clone, Default)]
pub struct Args {
    flags: Vec<(&'static str, String)>,
    /// The words that are not flags, in order.
    pub operands: Vec<String>,
}

impl Command {
    /// Sorts the words of a command line into flags and operands; `None` if help is asked for.
    ///
    /// # Errors
    ///
    /// If a flag does not exist or lacks its value, or if there are too many operands.
    pub fn parse(&self, words: &[String]) -> Outcome<Option<Args>> {
        let mut args = Args::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.operands.extend(words.by_ref().cloned());
                break;
            }
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            if !word.starts_with('-') || word == "-" {
                args.operands.push(word.clone());
                continue;
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (word.as_str(), None),
            };
            let Some(flag) = self.flags.iter().find(|flag| flag.name == name) else {
                let known: Vec<&str> = self.flags.iter().map(|flag| flag.name).collect();
                let advice = match &near_flags(name, &known)[..] {
                    [] => "; there are".to_string(),
                    near => format!("; did you mean {}? There are", near.join(" or ")),
                };
                let known = if known.is_empty() { "none but --help".to_string() } else { known.join(" ") };
                return Err(Failure::Usage(format!(
                    "there is no flag {name:?}{advice} {known}; text that begins with a dash goes after --"
                )));
            };
            let value = match (flag.value.is_empty(), attached) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(Failure::Usage(format!("{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => match words.next() {
                    Some(value) => value.clone(),
                    None => return Err(Failure::Usage(format!("{name} needs a value: {name} {}", flag.value))),
                },
            };
            args.flags.push((flag.name, value));
        }
        if args.operands.len() > self.max_operands {
            let extra = &args.operands[self.max_operands];
            let advice = if self.max_operands == 1 { "; put a prompt of several words in quotes" } else { "" };
            return Err(Failure::Usage(format!("{extra:?} is one word too many{advice}")));
        }
        Ok(Some(args))
    }

    /// The text of `--help`, in lines of at most 80 letters.
    pub fn help(&self) -> String {
        let mut usage = format!("cargo run --example {}", self.name);
        if !self.flags.is_empty() || !self.operands.is_empty() {
            usage += " --";
        }
        if !self.flags.is_empty() {
            usage += " [FLAGS]";
        }
        if !self.operands.is_empty() {
            usage += &format!(" {}", self.operands);
        }
        // A list of commands stays as it is.
        let usage = if usage.contains('\n') { usage } else { wrap(&usage, 75).join("\n     ") };
        let mut text = format!("{}\n\nUse: {usage}\n", wrap(self.about, 80).join("\n"));
        if !self.flags.is_empty() {
            text += "\n";
        }
        let left = |flag: &Flag| format!("{} {}", flag.name, flag.value);
        let width = self.flags.iter().map(|flag| left(flag).len()).max().unwrap_or(0);
        for flag in self.flags {
            let meaning = wrap(flag.help, 76usize.saturating_sub(width)).join(&format!("\n{}", " ".repeat(width + 4)));
            text += &format!("  {:<width$}  {meaning}\n", left(flag));
        }
        text + &format!("\nChapter: {}\n", self.chapter)
    }
}

impl Args {
    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of an optional flag; if it was given several times, the last value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// All values of a flag that may be given several times.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.flags.iter().filter(|(found, _)| *found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a flag as a number, or `default` if the flag was not given.
    ///
    /// # Errors
    ///
    /// If it is not a number of this kind.
    pub fn number<T: FromStr + Display>(&self, name: &str, default: T) -> Outcome<T> {
        let kind = if "0.5".parse::<T>().is_ok() { "number" } else { "whole number of 0 or more" };
        self.number_of_kind(name, default, kind)
    }

    /// The value of a flag that counts something, or `default` if the flag was not given.
    ///
    /// # Errors
    ///
    /// If it is not a whole number of 1 or more.
    pub fn count<T: FromStr + Display + PartialOrd + Default>(&self, name: &str, default: T) -> Outcome<T> {
        let kind = "whole number of 1 or more";
        match self.number_of_kind(name, default, kind)? {
            n if n > T::default() => Ok(n),
            n => Err(Failure::Usage(format!("{name} wants a {kind}, not {n}"))),
        }
    }

    fn number_of_kind<T: FromStr + Display>(&self, name: &str, default: T, kind: &str) -> Outcome<T> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let digits = text.trim();
        digits.parse().map_err(|_| {
            Failure::Usage(match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                true => format!("{name} is too large: {digits} (default: {default})"),
                false => format!("{name} wants a {kind}, not {text:?} (default: {default})"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "test",
        about: "Tests.",
        operands: "[PROMPT]",
        max_operands: 1,
        flags: &[
            Flag { name: "--tokens", value: "N", help: "tokens (default: 40)" },
            Flag { name: "--width", value: "N", help: "width (default: 80)" },
            Flag { name: "--raw", value: "", help: "raw" },
        ],
        chapter: "none",
    };

    fn parse(words: &[&str]) -> Outcome<Option<Args>> {
        COMMAND.parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    fn usage(words: &[&str]) -> String {
        match parse(words) {
            Err(Failure::Usage(problem)) => problem,
            other => panic!("expected a usage error, got {other:?}"),
        }
    }

    #[test]
    fn flags_and_operands_come_in_any_order() {
        let args = parse(&["hello", "--raw", "--tokens", "7"]).unwrap().unwrap();
        assert_eq!((args.operands[0].as_str(), args.has("--raw"), args.number("--tokens", 40)), ("hello", true, Ok(7)));
        let args = parse(&["--tokens=7", "--", "--raw"]).unwrap().unwrap();
        assert_eq!((args.operands[0].as_str(), args.has("--raw"), args.get("--tokens")), ("--raw", false, Some("7")));
    }

    #[test]
    fn help_is_asked_for_and_names_flags_and_chapter() {
        assert!(parse(&["--tokens", "3", "--help"]).unwrap().is_none());
        let help = COMMAND.help();
        assert!(help.contains("--tokens N") && help.contains("--raw") && help.contains("Chapter: none"), "{help}");
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong_and_what_would_be_right() {
        assert!(
            usage(&["--tokns", "3"])
                .contains("no flag \"--tokns\"; did you mean --tokens? There are --tokens --width --raw")
        );
        assert!(usage(&["--xyzxyz"]).contains("there is no flag \"--xyzxyz\"; there are --tokens --width --raw"));
        assert!(usage(&["--tokens"]).contains("--tokens needs a value"));
        assert!(usage(&["--raw=1"]).contains("--raw takes no value"));
        assert!(usage(&["two", "words"]).contains("quotes"));
    }

    #[test]
    fn a_number_of_another_kind_is_told_which_kind_is_wanted() {
        let given = |value: &str| parse(&["--tokens", value]).unwrap().unwrap();
        let wrong = |problem: &str| Failure::Usage(problem.to_string());
        for text in ["many", "1e3", "-5", "0.5", ""] {
            let kind = |kind: &str| wrong(&format!("--tokens wants a {kind}, not {text:?} (default: 40)"));
            assert_eq!(given(text).number("--tokens", 40usize), Err(kind("whole number of 0 or more")));
            assert_eq!(given(text).count("--tokens", 40usize), Err(kind("whole number of 1 or more")));
        }
        assert_eq!(
            given("x").number("--tokens", 0.5f32),
            Err(wrong("--tokens wants a number, not \"x\" (default: 0.5)"))
        );
        assert_eq!(given("0").number("--tokens", 40usize), Ok(0));
        assert_eq!(
            given("0").count("--tokens", 40usize),
            Err(wrong("--tokens wants a whole number of 1 or more, not 0"))
        );
        assert_eq!(given(" 1 ").count("--tokens", 40u64), Ok(1));
        assert_eq!(parse(&[]).unwrap().unwrap().count("--tokens", 40u64), Ok(40));
        assert_eq!(given("300").number("--tokens", 40u8), Err(wrong("--tokens is too large: 300 (default: 40)")));
    }
}
