//! Write a story together with the model: you write a line, it writes on, and so forth.
//!
//! ```text
//! cargo run --example story
//! cargo run --example story -- --temperature 1.1 "The little fox"
//! ```
//!
//! Line by line: what you write is added to the story, with a space between if one is needed, and the model goes on from
//! there. A line that begins with a colon is a command; `:help` lists them.
//!
//! **Where things go.** At a terminal, standard output carries what the model writes. If the lines come from a file or a
//! pipe (`story < script.txt`), or if standard output goes to one, it carries the whole story: your lines too, as one text.
//! What was printed cannot be taken back. So when a piece is dropped, a new line begins with the story that is left, and the
//! last version stands whole at the end. Prompts, notes and the answers of commands go to standard error.
//!
//! **What is lost.** Nothing, at `:quit` or at the end of the input: a story that was typed and not saved since its last
//! change is saved under the first free name of `story-1.txt`, `story-2.txt`, ...; one that came through a pipe has been
//! printed. Ctrl-C ends the program at once, as it always does: then everything since the last `:save` is gone.
//!
//! **Chance.** Each time the model begins to write, it draws with a seed of its own: 42, then 43, and so on. So the same lines
//! give the same story, and `:retry` gives another piece. `:seed` shows the next one.
//!
//! **Long stories.** The model reads at most `n_ctx` tokens. When the story and what is to be written no longer fit, it reads
//! the last part alone, from the beginning of a sentence if there is one near. The story itself stays whole.
//!
//! Each turn reads the story anew. A program for long texts would keep the key-value cache from turn to turn.

use gpt60::Rng;
use gpt60::checkpoint::{Checkpoint, write_beside};
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::generate::{Sampler, Stop};
use gpt60::tokenizer::{Tokenizer, Utf8Stream};
use std::fmt::Display;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

const COMMAND: Command = Command {
    name: "story",
    about: "Writes a story together with you: you write a line, the model writes on. An empty line lets it go on alone, and\n\
            :help lists the commands. Lines from a file or a pipe work too; then the whole story goes to standard output.\n\
            At a terminal, a story that you have not saved is saved at the end as story-1.txt, or the next free name.",
    operands: "[BEGINNING]    (default: none, the first line is yours)",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        Flag { help: "how many tokens the model writes in a turn at most (default: 60)", ..cli::TOKENS },
        Flag { help: "below 1: tamer, above 1: wilder, 0: the likeliest (default: 0.8)", ..cli::TEMPERATURE },
        cli::TOP_K,
        Flag { help: "keep the likeliest tokens that make up P, 1: all (default: 0.95)", ..cli::TOP_P },
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        cli::SEED,
    ],
    chapter: "docs/14-the-real-gpt2.md",
};

const HELP: &str = "\
A line is added to the story, and the model writes on. An empty line lets it go on alone.
  :more             the model writes on
  :retry            drop the model's last piece; it writes another one
  :choose 3         three continuations to choose from: 1, 2 or 3; 0 takes none of them
  :undo             drop the last piece, yours or the model's; again: the one before it
  :show             the whole story
  :save FILE        save it; a file that is there is not written over
  :save! FILE       save it, and do write over the file
  :temperature 0.8  set a knob of the model; without a number, see what it is. So also
                    :top-k 40  :top-p 0.9  :repetition-penalty 1.2  :no-repeat-ngram 3  :seed 7  :tokens 60
  ::text            a line of the story that begins with a colon
  :quit             the end; so is the end of the input (Ctrl-D)
At the end, a story that was typed here and not saved is saved as story-1.txt, or the next free name. One that came from a
file or a pipe has been printed. Ctrl-C saves nothing.";

/// More tokens than this in one turn are a slip of the finger, and nothing but Ctrl-C would end them.
const MOST_TOKENS: usize = 10_000;
/// As many continuations can be chosen from.
const MOST_CHOICES: usize = 20;
/// A longer line (16 MB) is not held in memory.
const LONGEST_LINE: u64 = 1 << 24;
/// So many seeds are tried for a piece that is not the same again.
const TRIES: usize = 10;

fn main() -> ExitCode {
    COMMAND.run(|args| {
        let mut session = Session::new(args)?;
        let talk = session.talk(args.operands.first());
        session.finish().and(talk)
    })
}

/// The person, the model and the story between them.
struct Session {
    story: Story,
    author: Author,
    screen: Screen,
    /// What `:choose` has offered. Empty: nothing is to be chosen.
    choices: Vec<String>,
    /// Whether the lines are typed.
    is_typed: bool,
}

impl Session {
    fn new(args: &Args) -> Outcome<Session> {
        let mut sampler = args.sampler()?;
        sampler.temperature = args.number("--temperature", 0.8)?;
        sampler.top_p = args.number("--top-p", 0.95)?;
        let n_tokens = args.number("--tokens", 60)?;
        check_tokens(n_tokens).map_err(|problem| Failure::Usage(format!("--tokens {problem}")))?;
        let seed = args.number("--seed", 42)?;
        let mut checkpoint = args.model()?;
        let no_words = "this model has no vocabulary, and a story needs words: see `sample --ids`";
        let tokenizer = checkpoint.tokenizer.take().ok_or_else(|| Failure::Failed(no_words.to_string()))?;
        let author = Author { checkpoint, tokenizer, sampler, seed, n_tokens, n_read: None };
        let is_typed = std::io::stdin().is_terminal();
        let is_shown = std::io::stdout().is_terminal();
        let screen = Screen { whole: !(is_typed && is_shown), is_shown, line_is_open: false, is_stale: false };
        Ok(Session { story: Story::default(), author, screen, choices: Vec::new(), is_typed })
    }

    /// The beginning, then line after line, to the end of the input.
    fn talk(&mut self, beginning: Option<&String>) -> Outcome<()> {
        if self.is_typed {
            cli::note("[write a line, and the model writes on; :help shows what else you can do]");
        }
        if let Some(text) = beginning {
            let piece = self.add_line(text)?;
            if !self.screen.whole {
                cli::note_part(&piece); // the model's text goes on in the same line
            }
            self.turn()?;
        }
        for number in 1.. {
            if self.is_typed {
                let n = self.choices.len();
                cli::note_part(&if n == 0 { "> ".to_string() } else { format!("1-{n}, or 0> ") });
            }
            let goes_on = match read_line()? {
                Line::Text(line) => self.line(&line)?,
                Line::Unreadable(problem) => {
                    self.screen.note(&format!("line {number} was left out: {problem}"));
                    true
                }
                Line::End => {
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// Does what a line says. The answer is whether there is more to come.
    fn line(&mut self, line: &str) -> Outcome<bool> {
        if line.trim() == ":quit" {
            return Ok(false);
        }
        if !self.choices.is_empty() {
            self.choose(line.trim())?;
            return Ok(true);
        }
        match line.strip_prefix(':') {
            Some(text) if text.starts_with(':') => self.add_line(text).map(drop)?,
            Some(command) => {
                if let Err(problem) = self.command(command)? {
                    self.screen.note(&problem);
                }
                return Ok(true);
            }
            None => self.add_line(line).map(drop)?,
        }
        self.turn()?;
        Ok(true)
    }

    /// Adds what the person wrote to the story, and gives it as it was added.
    fn add_line(&mut self, line: &str) -> Outcome<String> {
        let clean: String = line.chars().filter(|c| !c.is_control() || "\t\n".contains(*c)).collect();
        if clean.len() != line.len() {
            self.screen.note("control characters (from an arrow key?) were left out of your line");
        }
        let before = self.story.text();
        // The space after your last word is the model's to write: for it, " fox" is one token.
        let line = clean.trim_end();
        let piece = if line.is_empty() { String::new() } else { format!("{}{line}", joint(&before, line)) };
        if self.screen.whole {
            self.screen.print(&before, &piece)?;
        }
        self.story.push(piece.clone(), By::You);
        Ok(piece)
    }

    /// The model writes on, and its text is shown as it is made.
    fn turn(&mut self) -> Outcome<()> {
        self.turn_unlike(&[]).map(drop)
    }

    /// As [`Session::turn`], but the piece is none of `old`. If there is no other one, the answer is false.
    fn turn_unlike(&mut self, old: &[String]) -> Outcome<bool> {
        let before = self.story.text();
        let screen = &mut self.screen;
        let written = self.author.write_unlike(old, &before, |new| screen.print(&before, new))?;
        if !screen.whole {
            screen.end_line()?;
        }
        let Some(written) = written else { return Ok(false) };
        self.story.push(written.text, By::Model);
        if let Some(why) = written.ended_by {
            self.screen.note(&why);
        }
        self.note_sliding();
        Ok(true)
    }

    fn note_sliding(&mut self) {
        if let Some(n) = self.author.n_read.take_if(|n| *n > 0) {
            self.screen.note(&format!("the model now remembers only the last {n} tokens of the story"));
            self.author.n_read = Some(0); // said once
        }
    }

    /// Obeys a command, or says in a line what would be right.
    fn command(&mut self, command: &str) -> Outcome<Result<(), String>> {
        if command.chars().any(|c| c.is_control() && c != '\t') {
            return Ok(Err("there are control characters in this command; type it again".to_string()));
        }
        let (name, value) = command.trim_end().split_once(char::is_whitespace).unwrap_or((command.trim_end(), ""));
        let value = value.trim();
        if ["more", "retry", "undo", "show", "help", "quit"].contains(&name) && !value.is_empty() {
            return Ok(Err(format!(":{name} takes nothing after it")));
        }
        match name {
            "more" if self.author.n_tokens == 0 => return Ok(Err(":tokens is 0, so the model writes nothing".to_string())),
            "more" => self.turn()?,
            "retry" => return self.retry(),
            "choose" => return self.offer(value),
            "undo" => match self.story.pop() {
                None => return Ok(Err("there is nothing to undo: the story is empty".to_string())),
                Some(_) => {
                    self.screen.is_stale = true;
                    self.screen.note(&self.story.ending());
                }
            },
            "show" => cli::note(&self.story.text()),
            "help" => cli::note(HELP),
            "save" | "save!" => match self.save(value, name == "save!") {
                Err(problem) => return Ok(Err(problem)),
                Ok(()) => self.screen.note(&format!("saved as {value}")),
            },
            _ => match self.author.knob(name, value) {
                Err(problem) => return Ok(Err(problem)),
                Ok(now) => self.screen.note(&now),
            },
        }
        Ok(Ok(()))
    }

    /// Another piece for the model's last one.
    fn retry(&mut self) -> Outcome<Result<(), String>> {
        let Some(old) = self.story.pop_models() else {
            let problem = "the last piece is not the model's; :more lets it write on, :undo drops yours";
            return Ok(Err(problem.to_string()));
        };
        let was_stale = std::mem::replace(&mut self.screen.is_stale, true);
        if !self.turn_unlike(&[old.clone(), String::new()])? {
            self.screen.is_stale = was_stale;
            self.story.push(old, By::Model);
            return Ok(Err("nothing but the same came again, so it stays; try a higher :temperature".to_string()));
        }
        Ok(Ok(()))
    }

    /// Several continuations, numbered, on standard error: none of them is in the story yet.
    fn offer(&mut self, value: &str) -> Outcome<Result<(), String>> {
        let n: usize = if value.is_empty() { 3 } else { value.parse().unwrap_or(0) };
        if !(1..=MOST_CHOICES).contains(&n) {
            return Ok(Err(format!(":choose takes a number from 1 to {MOST_CHOICES}: try :choose 3")));
        }
        let before = self.story.text();
        let mut old = vec![String::new()];
        for number in 1..=n {
            let Some(written) = self.author.write_unlike(&old, &before, |_| Ok(()))? else { break };
            if let Some(why) = written.ended_by {
                self.screen.note(&why);
            }
            self.screen.close_line();
            cli::note(&format!("{number}: {}", written.text.trim().replace('\n', "\\n")));
            old.push(written.text);
        }
        self.choices = old.split_off(1);
        if self.choices.len() < n {
            self.screen.note("no others came: a higher :temperature makes more");
        }
        self.note_sliding();
        Ok(Ok(()))
    }

    /// Takes one of what `:choose` has offered, or none.
    fn choose(&mut self, answer: &str) -> Outcome<()> {
        let n = self.choices.len();
        let number = if answer.is_empty() { Ok(0) } else { answer.parse::<usize>() };
        match number {
            Ok(0) => self.choices.clear(),
            Ok(number) if number <= n => {
                let piece = self.choices.swap_remove(number - 1);
                self.choices.clear();
                self.screen.print(&self.story.text(), &piece)?;
                if !self.screen.whole {
                    self.screen.end_line()?;
                }
                self.story.push(piece, By::Model);
            }
            _ => self.screen.note(&format!("first choose: a number from 1 to {n}, or 0 for none of them")),
        }
        Ok(())
    }

    fn save(&mut self, name: &str, over: bool) -> Result<(), String> {
        let path = Path::new(name);
        if self.story.pieces.is_empty() {
            return Err("there is nothing to save: the story is empty".to_string());
        }
        if name.is_empty() {
            return Err("a name is missing: try :save story.txt".to_string());
        }
        if is_there(path) && !path.is_file() {
            return Err(format!("{name} is there and is no file; choose another name"));
        }
        if is_there(path) && !over {
            return Err(format!("{name} is there already; :save! {name} writes over it"));
        }
        if is_there(&beside(path)) {
            return Err(format!("{name}.tmp is in the way: saving goes by that name; move it or choose another name"));
        }
        // A link stays one: it is the file behind it that is written.
        let path = path.canonicalize().unwrap_or(path.to_path_buf());
        write_beside(&path, self.story.file().as_bytes()).map_err(|error| error.to_string())?;
        self.story.is_saved = true;
        Ok(())
    }

    /// The end: nothing is lost. What was typed is saved, and what came through a pipe has been printed.
    fn finish(&mut self) -> Outcome<()> {
        if self.screen.whole {
            self.screen.print(&self.story.text(), "")?;
            self.screen.end_line()?;
        }
        if !self.is_typed || self.story.is_saved || self.story.pieces.is_empty() {
            return Ok(());
        }
        let names = (1..).map(|n| format!("story-{n}.txt"));
        let is_free = |name: &String| !is_there(Path::new(name)) && !is_there(&beside(Path::new(name)));
        let name = names.into_iter().find(is_free).expect("the numbers do not end");
        match self.save(&name, false) {
            Ok(()) => self.screen.note(&format!("your story is saved as {name}")),
            Err(problem) => {
                cli::note(&self.story.text()); // at least it can be copied from the screen
                return Err(Failure::Failed(format!("your story is above, but not saved: {problem}")));
            }
        }
        Ok(())
    }
}

/// Whose piece it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    You,
    Model,
}

/// One text, in the pieces in which it was written.
#[derive(Default)]
struct Story {
    pieces: Vec<(String, By)>,
    is_saved: bool,
}

impl Story {
    fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// As a file: a text ends with a line break.
    fn file(&self) -> String {
        let text = self.text();
        if text.ends_with('\n') { text } else { text + "\n" }
    }

    fn push(&mut self, piece: String, by: By) {
        if !piece.is_empty() {
            self.pieces.push((piece, by));
            self.is_saved = false;
        }
    }

    fn pop(&mut self) -> Option<String> {
        self.is_saved = false;
        self.pieces.pop().map(|(piece, _)| piece)
    }

    /// The last piece, if the model wrote it.
    fn pop_models(&mut self) -> Option<String> {
        let is_models = self.pieces.last().is_some_and(|(_, by)| *by == By::Model);
        if is_models { self.pop() } else { None }
    }

    /// A note on where the story stands.
    fn ending(&self) -> String {
        let text = self.text();
        let n_chars = text.chars().count();
        let end: String = text.chars().skip(n_chars.saturating_sub(60)).collect();
        let dots = if n_chars > 60 { "..." } else { "" };
        if text.is_empty() { "the story is empty now".to_string() } else { format!("the story now ends: {dots}{end:?}") }
    }
}

/// What stands between the story and the next line: a space, unless there is white space already, or a mark that belongs to
/// one side: no space stands before a comma, and none after an opening quote.
fn joint(story: &str, line: &str) -> &'static str {
    let quotes = ['"', '\''];
    let mut ending = story.chars().rev();
    let opens = match ending.next() {
        None => true,
        Some(c) if quotes.contains(&c) => ending.next().is_none_or(char::is_whitespace),
        Some(c) => c.is_whitespace() || "([{\u{201c}\u{2018}".contains(c),
    };
    let mut start = line.chars();
    let closes = match start.next() {
        None => true,
        Some(c) if quotes.contains(&c) => start.next().is_none_or(char::is_whitespace),
        Some(c) => c.is_whitespace() || ",.;:!?)]}\u{2026}\u{201d}".contains(c),
    };
    if opens || closes { "" } else { " " }
}

/// The model, and how it writes.
struct Author {
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    sampler: Sampler,
    /// The seed that is used next.
    seed: u64,
    n_tokens: usize,
    /// How many tokens were read when for the first time the story did not fit; 0 once that was said.
    n_read: Option<usize>,
}

/// What the model wrote in a turn, and why it ended if it was not for its length.
struct Written {
    text: String,
    ended_by: Option<String>,
}

impl Author {
    /// Writes on from `story`, a piece that is none of `old`; `None` if none comes.
    ///
    /// As long as a piece begins like an old one it is held back. Then `show` is given it as it is made.
    fn write_unlike(
        &mut self,
        old: &[String],
        story: &str,
        mut show: impl FnMut(&str) -> Outcome<()>,
    ) -> Outcome<Option<Written>> {
        let tries = if self.sampler.temperature == 0.0 { 1 } else { TRIES };
        for _ in 0..tries {
            let mut piece = String::new();
            let mut n_shown = 0;
            let ended_by = self.write(story, |new| {
                piece += new;
                if n_shown > 0 || !old.iter().any(|old| old.starts_with(&piece)) {
                    show(&piece[n_shown..])?;
                    n_shown = piece.len();
                }
                Ok(())
            })?;
            if !old.contains(&piece) {
                show(&piece[n_shown..])?;
                return Ok(Some(Written { text: piece, ended_by }));
            }
        }
        Ok(None)
    }

    /// Writes on from `story`: at most `n_tokens`, in whole characters. The answer is why the text ended before that.
    fn write(&mut self, story: &str, mut show: impl FnMut(&str) -> Outcome<()>) -> Outcome<Option<String>> {
        let model = &self.checkpoint.model;
        let mut ids = self.tokenizer.encode(story);
        if ids.is_empty() {
            ids.extend(self.tokenizer.end_of_text()); // the beginning of a text
        }
        // A character that the last token of the turn leaves unfinished stays in here.
        let mut stream = Utf8Stream::new();
        let mut n_left = self.n_tokens;
        while n_left > 0 {
            let first = first_to_read(&ids, n_left, model.config.n_ctx, &self.tokenizer);
            if first > 0 {
                self.n_read.get_or_insert(ids.len() - first);
            }
            let sampler = Sampler { rng: Rng::new(self.seed), ..self.sampler.clone() };
            self.seed = self.seed.wrapping_add(1);
            let mut tokens = match model.generate(&ids[first..], sampler) {
                Ok(tokens) => tokens.until(&self.checkpoint.end_ids),
                Err(error) => return Ok(Some(error.to_string())),
            };
            for id in tokens.by_ref().take(n_left) {
                let id = match id {
                    Ok(id) => id,
                    Err(error) => return Ok(Some(error.to_string())),
                };
                if self.checkpoint.end_ids.contains(&id) {
                    break;
                }
                show(&stream.push(self.tokenizer.token_bytes(id).unwrap_or(&[])))?;
                ids.push(id);
                n_left -= 1;
            }
            if tokens.stopped_by() == Some(Stop::EndToken) {
                return Ok(Some("the model ended its text; whatever comes next goes on after it".to_string()));
            }
        }
        Ok(None)
    }

    /// Sets a knob, or shows it if there is no value. The answer is a note; an error says what would be right.
    fn knob(&mut self, name: &str, value: &str) -> Result<String, String> {
        let mut sampler = self.sampler.clone();
        let mut n_tokens = self.n_tokens;
        let now = match name {
            "temperature" => set(&mut sampler.temperature, name, value, "0.8"),
            "top-k" => set(&mut sampler.top_k, name, value, "40"),
            "top-p" => set(&mut sampler.top_p, name, value, "0.9"),
            "repetition-penalty" => set(&mut sampler.repetition_penalty, name, value, "1.2"),
            "no-repeat-ngram" => set(&mut sampler.no_repeat_ngram, name, value, "3"),
            "seed" => set(&mut self.seed, name, value, "7"),
            "tokens" => set(&mut n_tokens, name, value, "60"),
            _ => Err(format!("there is no command {}; :help lists them, and ::text is a line of text", shown(name))),
        }?;
        sampler.check().map_err(|error| error.to_string())?;
        check_tokens(n_tokens).map_err(|problem| format!(":tokens {problem}"))?;
        (self.sampler, self.n_tokens) = (sampler, n_tokens);
        Ok(now)
    }
}

/// Where the part of a story begins that the model reads to write `n_new` more tokens: at 0 if all of it fits. Otherwise at a
/// sentence, if one begins in the first half of what fits; else at a word; else (a text without spaces) anywhere.
fn first_to_read(ids: &[u32], n_new: usize, n_ctx: usize, tokenizer: &Tokenizer) -> usize {
    // One more than n_ctx fits: the last token is chosen, and not read. A turn that needs most of the context is written in
    // several goes, and each still reads half of it.
    let room = (n_ctx + 1).saturating_sub(n_new).max(n_ctx.div_ceil(2));
    let first = ids.len().saturating_sub(room);
    if first == 0 {
        return 0;
    }
    let bytes = |i: usize| tokenizer.token_bytes(ids[i]).unwrap_or(&[]);
    let is_word = |i: &usize| bytes(*i).first().is_some_and(u8::is_ascii_whitespace);
    let is_sentence = |i: &usize| is_word(i) && bytes(i - 1).last().is_some_and(|b| b".!?\"'\n".contains(b));
    let mut near = first..first + room / 2;
    near.clone().find(is_sentence).or_else(|| near.find(is_word)).unwrap_or(first)
}

/// Puts a number in its place if there is one, and says what it is now.
fn set<T: FromStr + Display>(place: &mut T, name: &str, value: &str, example: &str) -> Result<String, String> {
    if !value.is_empty() {
        let wrong = |_| format!(":{name} is given {}, which is no such number: try :{name} {example}", shown(value));
        *place = value.parse().map_err(wrong)?;
    }
    Ok(format!("{name} {place}"))
}

fn check_tokens(n: usize) -> Result<(), String> {
    if n <= MOST_TOKENS { Ok(()) } else { Err(format!("is {n}; a turn can have {MOST_TOKENS} at most: try 60")) }
}

/// The start of what was typed, for a note of one line.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(30).collect::<String>())
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The name by which `write_beside` goes.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Standard output, and notes that do not run into its text.
struct Screen {
    /// The whole story is printed, and not only what the model writes.
    whole: bool,
    /// Standard output is a terminal.
    is_shown: bool,
    /// The last thing printed was no line break.
    line_is_open: bool,
    /// What was printed is not the story any more: a piece was dropped.
    is_stale: bool,
}

impl Screen {
    /// Prints `text`, which follows on `before` in the story.
    fn print(&mut self, before: &str, text: &str) -> Outcome<()> {
        if self.whole && self.is_stale {
            self.end_line()?;
            self.put(before)?;
        }
        self.is_stale = false;
        self.put(text)
    }

    fn put(&mut self, text: &str) -> Outcome<()> {
        if let Some(last) = text.chars().last() {
            self.line_is_open = last != '\n';
            cli::print(text)?;
            cli::flush()?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Outcome<()> {
        if self.line_is_open { self.put("\n") } else { Ok(()) }
    }

    /// Writes a note to standard error, on a line of its own.
    fn note(&self, line: &str) {
        self.close_line();
        cli::note(&format!("[{line}]"));
    }

    /// Begins a new line on the terminal, by way of standard error: the story has no line break there.
    fn close_line(&self) {
        if self.line_is_open && self.is_shown && cli::is_terminal() {
            cli::note("");
        }
    }
}

/// A line of the input.
enum Line {
    Text(String),
    Unreadable(&'static str),
    End,
}

/// Reads a line from standard input, without its line break.
fn read_line() -> Outcome<Line> {
    let mut input = std::io::stdin().lock();
    let mut read = |line: &mut Vec<u8>| {
        let failed = |error| Failure::Failed(format!("standard input cannot be read: {error}"));
        input.by_ref().take(LONGEST_LINE).read_until(b'\n', line).map_err(failed)
    };
    let mut line = Vec::new();
    if read(&mut line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
        while !line.ends_with(b"\n") && !line.is_empty() {
            line.clear();
            read(&mut line)?;
        }
        return Ok(Line::Unreadable("it has more than 16 MB; write it in parts"));
    }
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(match String::from_utf8(line) {
        Ok(text) => Line::Text(text),
        Err(_) => Line::Unreadable("it is not UTF-8 text"),
    })
}
