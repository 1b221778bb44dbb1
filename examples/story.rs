//! Write a story together with the model: you write a line, it continues, and so on.
//!
//! ```text
//! cargo run --example story
//! cargo run --example story -- --temperature 1.1 "The little fox"
//! ```
//!
//! Line by line, what you write is added to the story, with a space between if needed, and the model goes on from
//! there. A line that begins with a colon is a command; `:help` lists them.
//!
//! **Where things go.** At a terminal, standard output carries what the model writes. If the lines come from a file or
//! a pipe (`story < script.txt`), or if standard output goes to one, it carries the whole story: your lines too, as one
//! text. Printed text cannot be taken back. When a piece is dropped, a new line begins with the remaining story, and
//! the last version is complete at the end. Prompts, notes and the answers of commands go to standard error.
//!
//! **What is lost.** Nothing, at `:quit` or at the end of the input: a typed story that was not saved since its last
//! change is saved under the first free name of `story-1.txt`, `story-2.txt`, ...; one that came through a pipe has
//! been printed. Ctrl-C ends the program at once, as always: then everything since the last `:save` is gone.
//!
//! **Turns.** A turn of the model has `--tokens` tokens. If they end inside a sentence, it writes on to the end of the
//! sentence, 40 tokens more at most: your next line then follows a full stop.
//!
//! **Chance.** Each time the model begins to write, it draws with a new seed: 42, then 43, and so on. The same lines
//! give the same story, and `:retry` gives another piece. `:seed` shows the next one.
//!
//! **Long stories.** The model reads at most `n_ctx` tokens. When the story and the next piece no longer fit, it reads
//! only the last part, from the beginning of a nearby sentence if possible. The story itself stays whole.
//!
//! **Dialogues.** If the model's vocabulary has tokens of its own such as `<speaker1>`, a line may have them, and what the
//! model writes shows them: it must find them again at its next turn. (Elsewhere an answer leaves special tokens out.)
//!
//! Each turn reads the whole story again. A program for long texts would keep the key-value cache from turn to turn.

use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::tokenizer::END_OF_TEXT;
use std::io::IsTerminal;
use std::process::ExitCode;

#[path = "story/author.rs"]
mod author;
#[path = "story/screen.rs"]
mod screen;
#[path = "story/sentence.rs"]
mod sentence;
#[path = "story/text.rs"]
mod text;

use author::{Author, check_tokens};
use screen::{Line, Screen, read_line};
use text::{By, Story, free_name, joint};

const COMMAND: Command = Command {
    name: "story",
    about: "Writes a story together with you: you write a line, the model writes on. An empty line lets it go on alone, and\n\
            :help lists the commands. Lines from a file or a pipe work too; then the whole story goes to standard output.\n\
            At a terminal, a story that you have not saved is saved at the end as story-1.txt, or the next free name.",
    operands: "[BEGINNING]    (default: none, the first line is yours)",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::WEIGHTS,
        cli::SPECIAL,
        Flag {
            help: "tokens of the model's turn, and then up to 40 more to end its sentence (default: 60)",
            ..cli::TOKENS
        },
        Flag { help: "below 1: tamer, above 1: wilder, 0: the likeliest (default: 0.8)", ..cli::TEMPERATURE },
        cli::TOP_K,
        Flag { help: "keep the likeliest tokens that make up P, 1: all (default: 0.95)", ..cli::TOP_P },
        cli::MIN_P,
        cli::TYPICAL_P,
        cli::EPSILON_CUTOFF,
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        cli::SEED,
        Flag { help: "write at least N tokens in a turn before the text may end (default: 0)", ..cli::MIN_TOKENS },
        Flag { help: "end a turn where TEXT would begin; several can be given (default: none)", ..cli::STOP },
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
                    :top-k 40  :top-p 0.9  :min-p 0.1  :typical-p 0.9  :epsilon-cutoff 0.001
                    :repetition-penalty 1.2  :no-repeat-ngram 3  :seed 7  :tokens 60  :min-tokens 20
  :stop TEXT        end a turn where TEXT would begin; :stop off ends it nowhere; :stop shows what is set
  ::text            a line of the story that begins with a colon
  :quit             the end; so is the end of the input (Ctrl-D)
At the end, a story that was typed here and not saved is saved as story-1.txt, or the next free
name. One that came from a file or a pipe has been printed. Ctrl-C saves nothing.";

/// How many continuations `:choose` can offer.
const MOST_CHOICES: usize = 20;

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
    /// What `:choose` has offered. Empty: there is nothing to choose.
    choices: Vec<String>,
    /// Whether a person types the lines.
    is_typed: bool,
    /// Whether the note has been printed that the story has grown past the model's context.
    said_sliding: bool,
    /// Whether the note has been printed that `<|endoftext|>` is text.
    said_end: bool,
}

impl Session {
    fn new(args: &Args) -> Outcome<Session> {
        let (mut sampler, stops) = (args.sampler()?, args.stop_texts()?);
        sampler.temperature = args.number("--temperature", 0.8)?;
        sampler.top_p = args.number("--top-p", 0.95)?;
        let n_tokens = args.number("--tokens", 60)?;
        check_tokens(n_tokens).map_err(|problem| Failure::Usage(format!("--tokens {problem}")))?;
        let seed = args.number("--seed", 42)?;
        let checkpoint = args.model()?;
        if checkpoint.tokenizer.is_none() {
            return Err(args.no_vocabulary("and a story needs words"));
        }
        let author =
            Author { checkpoint, sampler, stops, seed, n_tokens, reads_end: args.has("--special"), n_read: None };
        let is_typed = std::io::stdin().is_terminal();
        let (story, screen) = (Story::default(), Screen::new(is_typed));
        Ok(Session { story, author, screen, choices: Vec::new(), is_typed, said_sliding: false, said_end: false })
    }

    /// The beginning, then line after line, to the end of the input.
    fn talk(&mut self, beginning: Option<&String>) -> Outcome<()> {
        if self.is_typed {
            self.screen.note("write a line, and the model writes on; :help shows what else you can do");
        }
        if let Some(text) = beginning {
            self.add_line(text)?;
            self.screen.begin(&self.story.text());
            self.turn()?;
        }
        for number in 1.. {
            if self.is_typed {
                let n = self.choices.len();
                cli::note_part(&if n == 0 { "> ".to_string() } else { format!("1-{n}, or 0> ") });
            }
            match read_line()? {
                Line::Text(line) if line.trim_end() == ":quit" => break,
                Line::Text(line) => self.line(&line)?,
                Line::Unreadable(problem) => self.screen.note(&format!("line {number} was left out: {problem}")),
                Line::End => {
                    if self.is_typed {
                        cli::note(""); // the prompt gets a line of its own
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Does what a line says.
    fn line(&mut self, line: &str) -> Outcome<()> {
        if !self.choices.is_empty() {
            return self.choose(line.trim());
        }
        if let Some(command) = line.strip_prefix(':').filter(|rest| !rest.starts_with(':')) {
            if let Err(problem) = self.command(command)? {
                self.screen.note(&problem);
            }
            return Ok(());
        }
        self.add_line(line.strip_prefix(':').unwrap_or(line))?;
        self.turn()
    }

    /// Adds what the person wrote to the story.
    fn add_line(&mut self, line: &str) -> Outcome<()> {
        let clean: String = line.chars().filter(|c| !c.is_control() || "\t\n".contains(*c)).collect();
        if clean.len() != line.len() {
            self.screen.note("control characters (of an arrow key?) were left out of your line");
        }
        // The space after your last word belongs to the model: for it, " fox" is one token.
        let line = clean.trim_end();
        if line.is_empty() {
            return Ok(());
        }
        if line.contains(END_OF_TEXT) && !self.author.reads_end && !self.said_end {
            self.screen.note(&format!("{END_OF_TEXT} is read as text; --special reads it as the end token"));
            self.said_end = true;
        }
        let before = self.story.text();
        let piece = format!("{}{line}", joint(&before, line));
        if self.screen.whole {
            self.screen.print(&before, &piece)?;
        }
        self.screen.is_stale = false;
        self.story.push(piece, By::You);
        Ok(())
    }

    /// The model writes on, and its text is shown as it is made.
    fn turn(&mut self) -> Outcome<()> {
        let before = self.story.text();
        if let Err(problem) = self.turn_unlike(&[], &before)? {
            self.screen.note(&problem);
        }
        Ok(())
    }

    /// The model continues from `before` with a piece that is not in `old`. The inner error says why it cannot.
    fn turn_unlike(&mut self, old: &[String], before: &str) -> Outcome<Result<(), String>> {
        let screen = &mut self.screen;
        let written = self.author.write_unlike(old, before, |new| screen.print(before, new))?;
        if !screen.whole {
            screen.end_line()?;
        }
        Ok(written.map(|written| {
            if !old.is_empty() {
                self.story.pop();
            }
            self.story.push(written.text, By::Model);
            written.ended_by.iter().for_each(|why| self.screen.note(why));
            self.note_sliding();
        }))
    }

    fn note_sliding(&mut self) {
        if let Some(n) = self.author.n_read.filter(|_| !self.said_sliding) {
            self.screen.note(&format!("the model now remembers only the last {n} tokens of the story"));
            self.said_sliding = true;
        }
    }

    /// Obeys a command, or says in one line what would be right.
    fn command(&mut self, command: &str) -> Outcome<Result<(), String>> {
        if command.chars().any(|c| c.is_control() && c != '\t') {
            return Ok(Err("there are control characters in this command: type it again".to_string()));
        }
        let (name, value) = command.trim_end().split_once(char::is_whitespace).unwrap_or((command.trim_end(), ""));
        let value = value.trim();
        if ["more", "retry", "undo", "show", "help", "quit"].contains(&name) && !value.is_empty() {
            return Ok(Err(format!("nothing stands after :{name}")));
        }
        if ["more", "retry", "choose"].contains(&name) && self.author.n_tokens == 0 {
            return Ok(Err("the model writes nothing, because :tokens is 0: try :tokens 60".to_string()));
        }
        match name {
            "more" => self.turn()?,
            "retry" => return self.retry(),
            "choose" => return self.offer(value),
            "undo" if self.story.is_empty() => {
                return Ok(Err("there is nothing to undo: the story is empty".to_string()));
            }
            "undo" => {
                self.story.pop();
                self.screen.is_stale = true;
                self.screen.note(&self.story.ending());
            }
            "show" => self.screen.answer(&self.story.text()),
            "help" => self.screen.answer(HELP),
            "save" | "save!" => {
                let saved = self.story.save(value, name == "save!");
                return Ok(saved.map(|()| self.screen.note(&format!("saved as {value}"))));
            }
            _ => return Ok(self.author.knob(name, value).map(|now| self.screen.note(&now))),
        }
        Ok(Ok(()))
    }

    /// Replaces the model's last piece by another, or keeps it if none comes.
    fn retry(&mut self) -> Outcome<Result<(), String>> {
        let Some(old) = self.story.models_last().map(str::to_string) else {
            let problem = "the last piece is not the model's: :more lets it write on, :undo drops yours";
            return Ok(Err(problem.to_string()));
        };
        let text = self.story.text();
        let before = &text[..text.len() - old.len()];
        let was_stale = std::mem::replace(&mut self.screen.is_stale, true);
        let outcome = self.turn_unlike(&[old, String::new()], before)?;
        if outcome.is_err() {
            self.screen.is_stale = was_stale;
        }
        Ok(outcome)
    }

    /// Several numbered continuations, on standard error: none of them is in the story yet.
    fn offer(&mut self, value: &str) -> Outcome<Result<(), String>> {
        let n: usize = if value.is_empty() { 3 } else { value.parse().unwrap_or(0) };
        if !(1..=MOST_CHOICES).contains(&n) {
            return Ok(Err(format!(":choose takes a number from 1 to {MOST_CHOICES}: try :choose 3")));
        }
        let before = self.story.text();
        let mut old = vec![String::new()];
        let mut problem = None;
        while old.len() <= n && problem.is_none() {
            match self.author.write_unlike(&old, &before, |_| Ok(()))? {
                Ok(written) => {
                    let end = if written.ended_by.is_some() { " [its text ends here]" } else { "" };
                    let line = written.text.trim().replace('\n', "\\n");
                    self.screen.answer(&format!("{}: {line}{end}", old.len()));
                    old.push(written.text);
                }
                Err(why) => problem = Some(why),
            }
        }
        self.choices = old.split_off(1);
        self.note_sliding();
        Ok(problem.map_or(Ok(()), Err))
    }

    /// Takes one of the continuations that `:choose` has offered, or none.
    fn choose(&mut self, answer: &str) -> Outcome<()> {
        let n = self.choices.len();
        match if answer.is_empty() { Ok(0) } else { answer.parse::<usize>() } {
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
            _ => self.screen.note(&format!("choose first: a number from 1 to {n}, or 0 for none of them")),
        }
        Ok(())
    }

    /// The end, and nothing is lost: a typed story is saved, and one that came through a pipe has been printed.
    fn finish(&mut self) -> Outcome<()> {
        let printed = if self.screen.whole { self.screen.finish(&self.story.text()) } else { Ok(()) };
        if self.is_typed && !self.story.is_saved() {
            let name = free_name();
            if let Err(problem) = self.story.save(&name, false) {
                self.screen.answer(&self.story.text()); // it can at least be copied from the screen
                return Err(Failure::Failed(format!("the story above is not saved: {problem}")));
            }
            self.screen.note(&format!("your story is saved as {name}"));
        }
        printed
    }
}
