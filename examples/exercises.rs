//! The guide through the exercises: what comes next, is it right, and hints. See `docs/exercises.md`.
//!
//! ```text
//! cargo run --example exercises
//! cargo run --example exercises -- watch
//! cargo run --example exercises -- check softmax
//! ```
//!
//! You are going to write into `src/exercises/`, and what you write will not always compile. So this program is not built from
//! that folder: it reads the files there as text, and asks cargo to build and run the checks (`tests/exercises/`) when it needs
//! a verdict. With a syntax error in one of your files, hints, the list and `reset` go on working.

use gpt60::Error;
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

#[path = "exercises/checks.rs"]
mod checks;
#[path = "exercises/stubs.rs"]
mod stubs;

use checks::{Checked, Checks, State, States};
use stubs::{Header, Stub};

const COMMAND: Command = Command {
    name: "exercises",
    about: "Guides you through the exercises in src/exercises/: what comes next, is it right, and hints.",
    operands: "[COMMAND]\n\n\
               \x20 (none)          where you are, and what comes next\n\
               \x20 list            all exercises, and what became of each\n\
               \x20 check [NAME]    is it right? Without a name: all that you have begun. Status 0: yes; 1: not yet\n\
               \x20 watch           checks again whenever you save a file; Ctrl-C ends it\n\
               \x20 hint NAME [N]   a hint; again for the next one; with a number, that one\n\
               \x20 reset NAME      begins again: puts not_started() back, and keeps a copy of what was there\n\
               \x20 solution NAME   where the library does it, once your own passes",
    max_operands: usize::MAX,
    flags: &[
        Flag { name: "--markdown", value: "", help: "with list: as the table in docs/exercises.md" },
        Flag { name: "--now", value: "", help: "with solution: even before your own passes" },
    ],
    chapter: "docs/exercises.md",
};

const COMMANDS: [&str; 6] = ["list", "check", "watch", "hint", "reset", "solution"];

/// What to type before a command.
const RUN: &str = "cargo run --example exercises --";

fn main() -> ExitCode {
    let mut is_right = true;
    let status = COMMAND.run(|args| {
        is_right = Guide::new().run(args)?;
        Ok(())
    });
    // "Not yet" is an answer, and no error: it is said on standard output, and the status repeats it for scripts.
    if is_right { status } else { ExitCode::FAILURE }
}

/// Where everything is.
struct Guide {
    /// The directory with `Cargo.toml`.
    root: PathBuf,
    /// Where this program keeps its own files: under cargo's directory, not in the source.
    own_dir: PathBuf,
    checks: Checks,
}

impl Guide {
    fn new() -> Guide {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::current_exe().unwrap_or_default(); // target/debug/examples/exercises
        let profile = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        let is_release = profile.ends_with("release");
        // What has been built for this program need not be built again for the checks.
        let target = match (profile.parent(), std::env::var_os("CARGO_TARGET_DIR")) {
            (Some(target), _) if is_release || profile.ends_with("debug") => target.to_path_buf(),
            (_, Some(target)) => root.join(target),
            _ => root.join("target"),
        };
        Guide { own_dir: target.join("exercises"), checks: Checks { root: root.clone(), target, is_release }, root }
    }

    /// Does what the command line says: whether what was checked is right.
    fn run(&self, args: &Args) -> Outcome<bool> {
        let words: Vec<&str> = args.operands.iter().map(String::as_str).collect();
        let command = words.first().copied().unwrap_or("");
        for (flag, its_command) in [("--markdown", "list"), ("--now", "solution")] {
            if args.has(flag) && command != its_command {
                return Err(Failure::Usage(format!("{flag} goes with {its_command:?} alone")));
            }
        }
        let stubs = stubs::read(&self.root)?;
        let too_many = |n: usize| match words.get(n) {
            Some(word) => Err(Failure::Usage(format!("{word:?} is one word too many after {command:?}"))),
            None => Ok(()),
        };
        match command {
            "" => self.start(&stubs),
            "list" => too_many(1).and_then(|()| self.list(&stubs, args.has("--markdown"))),
            "watch" => too_many(1).and_then(|()| self.watch(&stubs)),
            "check" if words.len() == 1 => self.check_all(&stubs),
            "check" => self.check(&stubs, &words[1..]),
            "hint" => too_many(3).and_then(|()| self.hint(named(&stubs, &words)?, words.get(2).copied())),
            "reset" => too_many(2).and_then(|()| self.reset(named(&stubs, &words)?)),
            "solution" => too_many(2).and_then(|()| self.solution(named(&stubs, &words)?, args.has("--now"))),
            _ => Err(Failure::Usage(unknown_command(&stubs, command))),
        }
    }
}

/// The exercise that the second word names.
fn named<'a>(stubs: &'a [Stub], words: &[&str]) -> Outcome<&'a Stub> {
    match words.get(1) {
        Some(word) => {
            let stub = find(stubs, word)?;
            if stub.text.is_empty() { Err(Failure::Failed(stubs::gone(&stub.file()))) } else { Ok(stub) }
        }
        None => Err(Failure::Usage(format!("{} needs the name of an exercise; \"list\" shows them all", words[0]))),
    }
}

/// The exercise of this name. A file name or a path is understood too.
fn find<'a>(stubs: &'a [Stub], word: &str) -> Outcome<&'a Stub> {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.strip_suffix(".rs").unwrap_or(name).to_lowercase().replace('-', "_");
    stubs.iter().find(|stub| stub.name == name).ok_or_else(|| {
        let near = near(&name, stubs.iter().map(|stub| stub.name.as_str()));
        let advice = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        Failure::Usage(format!("there is no exercise {word:?}{advice} (\"list\" shows them all)"))
    })
}

fn unknown_command(stubs: &[Stub], word: &str) -> String {
    if let Ok(stub) = find(stubs, word) {
        return format!("{:?} is an exercise; say what to do with it: check {0}, hint {0}", stub.name);
    }
    let near = near(word, COMMANDS.into_iter());
    let advice = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
    format!("there is no command {word:?}; {advice}the commands are {}", COMMANDS.join(" "))
}

// ---------------------------------------------------------------------------------------------------------------------
// The commands
// ---------------------------------------------------------------------------------------------------------------------

impl Guide {
    /// No command: where you are, what comes next, and what to type.
    fn start(&self, stubs: &[Stub]) -> Outcome<bool> {
        let checked = self.overview(stubs)?;
        let name = match (&checked, next_after(stubs, &checked.states(), None)) {
            // Its file is the one that does not compile, if it is an exercise at all.
            (Checked::Broken(broken), _) => broken.names().into_iter().next(),
            (_, next) => next.map(|stub| stub.name.clone()),
        };
        if let Some(name) = name {
            cli::print(&format!("\nTo type:\n  {RUN} check {name}\n  {RUN} hint {name}\n"))?;
            cli::print(&format!("  {RUN} watch    (checks whenever you save)\n"))?;
        }
        Ok(true)
    }

    /// A picture of all exercises, and the next one. Gives what it found.
    fn overview(&self, stubs: &[Stub]) -> Outcome<Checked> {
        let checked = self.checks.judge(&[])?;
        let states = checked.states();
        cli::print(&self.picture(stubs, &states))?;
        if let Checked::Broken(broken) = &checked {
            cli::print(&format!("\n{} Mend that first.\n", broken.why()))?;
            return Ok(checked);
        }
        match next_after(stubs, &states, None) {
            Some(stub) => cli::print(&self.introduction(stub, states.get(&stub.name)))?,
            None => cli::print("\nAll exercises are done: what you have written is a GPT.\n")?,
        }
        Ok(checked)
    }

    /// A line for each chapter, a mark for each exercise.
    fn picture(&self, stubs: &[Stub], states: &States) -> String {
        let chapters: BTreeSet<u32> = stubs.iter().map(|stub| stub.header.chapter).collect();
        let is_done = |stub: &&Stub| states.get(&stub.name) == Some(&State::Done);
        let n_done = |stubs: &[&Stub]| {
            let n = stubs.iter().copied().filter(is_done).count();
            if states.is_empty() { "?".to_string() } else { n.to_string() }
        };
        let mark = |stub: &Stub| states.get(&stub.name).map_or('?', State::mark);
        let mut text = format!("{:30}# done   x wrong   . not started\n", "chapter");
        for chapter in chapters {
            let here: Vec<&Stub> = stubs.iter().filter(|stub| stub.header.chapter == chapter).collect();
            let marks: String = here.iter().map(|stub| mark(stub)).collect();
            let n_done = n_done(&here);
            let title = stubs::chapter(&self.root, chapter).map_or(String::new(), |(_, title)| title);
            text += &format!("{chapter:2}  {title:24.24}  {:12}{n_done} of {}\n", format!("[{marks}]"), here.len());
        }
        let n_done = n_done(&stubs.iter().collect::<Vec<_>>());
        let minutes: u32 = stubs.iter().filter(|stub| !is_done(stub)).map(|stub| stub.header.minutes).sum();
        let all: String = stubs.iter().map(mark).take(40).collect();
        let left = if minutes > 0 && !states.is_empty() {
            format!(", about {} to go", duration(minutes))
        } else {
            String::new()
        };
        text + &format!("\n[{all}]  {n_done} of {}{left}\n", stubs.len())
    }

    /// The next exercise.
    fn introduction(&self, stub: &Stub, state: Option<&State>) -> String {
        let is_begun = matches!(state, Some(State::Wrong(_)));
        let Header { title, chapter, level, minutes } = &stub.header;
        let next = if is_begun { "Go on with" } else { "Next is" };
        let mut text = format!("\n{next} {}: {title}. {level}, {minutes} minutes.\n", stub.name);
        text += &format!("  {}\n\n", stub.place());
        wrap(&stub.task(), 76).iter().for_each(|line| text += &format!("  {line}\n"));
        let advice = match (is_begun, stubs::chapter(&self.root, *chapter)) {
            (true, _) => "It is not right yet: the check says why.".to_string(),
            (_, Some((file, _))) => format!("Read {file}; then put your code in the place of not_started()."),
            (_, None) => "Put your code in the place of not_started().".to_string(),
        };
        text + &format!("\n{advice}\n")
    }

    fn list(&self, stubs: &[Stub], as_markdown: bool) -> Outcome<bool> {
        if as_markdown {
            cli::print(&(markdown(stubs).join("\n") + "\n"))?;
            return Ok(true);
        }
        let checked = self.checks.judge(&[])?;
        let states = checked.states();
        let width = stubs.iter().map(|stub| stub.name.len()).max().unwrap_or(0).max(4);
        let mut text = format!("{:width$}  ch  level   min  state        title\n", "name");
        for stub in stubs {
            let Header { title, chapter, level, minutes } = &stub.header;
            let state = states.get(&stub.name).map_or("?", State::word);
            text += &format!("{:width$}  {chapter:2}  {level:6}  {minutes:3}  {state:11}  {title}\n", stub.name);
        }
        cli::print(&text)?;
        if let Checked::Broken(broken) = &checked {
            cli::print(&format!("? because {}\n", broken.why()))?;
        }
        Ok(true)
    }

    fn check(&self, stubs: &[Stub], words: &[&str]) -> Outcome<bool> {
        let found = words.iter().map(|word| find(stubs, word)).collect::<Outcome<Vec<&Stub>>>()?;
        let names: Vec<String> = found.iter().map(|stub| stub.name.clone()).collect();
        match self.checks.judge(&names)? {
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                cli::print(&broken.verdict(&names))?;
                Ok(false)
            }
            Checked::Built { states, printed, warnings } => {
                cli::print(&printed)?;
                for name in &names {
                    cli::print(&checks::verdict(name, states.get(name), &warnings))?;
                    if states.get(name) == Some(&State::Done) {
                        cli::note(&format!("[where the library does it: {RUN} solution {name}]"));
                    }
                }
                Ok(names.iter().all(|name| states.get(name) == Some(&State::Done)))
            }
        }
    }

    /// Checks what has been begun. If that is nothing, nothing is wrong.
    fn check_all(&self, stubs: &[Stub]) -> Outcome<bool> {
        match self.checks.judge(&[])? {
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                cli::print(&format!("nothing can be checked: {}\n", broken.why()))?;
                Ok(false)
            }
            Checked::Built { states, printed, warnings } => {
                cli::print(&printed)?;
                let is_begun = |stub: &&Stub| states.get(&stub.name).is_some_and(|state| *state != State::NotStarted);
                let begun: Vec<&Stub> = stubs.iter().filter(is_begun).collect();
                for stub in &begun {
                    cli::print(&checks::verdict(&stub.name, states.get(&stub.name), &warnings))?;
                }
                let n_done = begun.iter().filter(|stub| states[&stub.name] == State::Done).count();
                let n_wrong = begun.len() - n_done;
                cli::print(&format!("{n_done} done, {n_wrong} wrong, {} not started\n", stubs.len() - begun.len()))?;
                Ok(n_wrong == 0)
            }
        }
    }

    fn hint(&self, stub: &Stub, level: Option<&str>) -> Outcome<bool> {
        let hints = stub.hints();
        let n = hints.len();
        if n == 0 {
            return Err(Failure::Failed(format!("{} has no hints: at its end, `// Hint 1.` is missing", stub.file())));
        }
        let level = match level {
            Some(word) => match word.parse() {
                Ok(level) if (1..=n).contains(&level) => level,
                _ => return Err(Failure::Usage(format!("{word:?} is no hint of {}; there are 1 to {n}", stub.name))),
            },
            None => self.next_hint(&stub.name, n)?,
        };
        cli::print(&(hints[level - 1].join("\n") + "\n"))?;
        if level < n {
            cli::note(&format!("[hint {level} of {n}; the next one: {RUN} hint {}]", stub.name));
        } else {
            cli::note(&format!("[hint {level} of {n}: that was all. Done? {RUN} solution {}]", stub.name));
        }
        Ok(true)
    }

    /// The hint after the last one that was shown; after the last of all, the first. A small file remembers.
    fn next_hint(&self, name: &str, n: usize) -> Outcome<usize> {
        let mut shown = self.shown_hints();
        let level = shown.get(name).map_or(1, |last| last % n + 1);
        shown.insert(name.to_string(), level);
        self.remember_hints(&shown)?;
        Ok(level)
    }

    fn shown_hints(&self) -> BTreeMap<String, usize> {
        let text = fs::read_to_string(self.own_dir.join("hints.txt")).unwrap_or_default();
        let line = |line: &str| line.split_once(' ').and_then(|(name, n)| Some((name.to_string(), n.parse().ok()?)));
        text.lines().filter_map(line).collect()
    }

    fn remember_hints(&self, shown: &BTreeMap<String, usize>) -> Outcome<()> {
        let text: String = shown.iter().map(|(name, level)| format!("{name} {level}\n")).collect();
        self.make_own_dir()?;
        Ok(write_beside(&self.own_dir.join("hints.txt"), text.as_bytes())?)
    }

    fn reset(&self, stub: &Stub) -> Outcome<bool> {
        match self.begin_again(stub)? {
            Some(copy) => {
                cli::print(&format!("{}: not started\n  what was there is in {}\n", stub.name, copy.display()))?
            }
            None => cli::print(&format!("{}: nothing has been written yet\n", stub.name))?,
        }
        Ok(true)
    }

    /// Puts the exercise back as it was: where the copy of what was there is, or `None` if there was nothing to do.
    fn begin_again(&self, stub: &Stub) -> Outcome<Option<PathBuf>> {
        let file = stub.file();
        let Some(fresh) = stub.fresh() else {
            let problem =
                format!("{file} has no `pub fn` at the left any more; `git checkout {file}` brings the file back");
            return Err(Failure::Failed(problem));
        };
        let mut shown = self.shown_hints();
        if shown.remove(&stub.name).is_some() {
            self.remember_hints(&shown)?;
        }
        if fresh == stub.text {
            return Ok(None);
        }
        let copy = self.keep_copy(stub)?;
        write_beside(&self.root.join(&file), fresh.as_bytes())?;
        Ok(Some(copy))
    }

    /// Copies the file as it is to a name that is free.
    fn keep_copy(&self, stub: &Stub) -> Outcome<PathBuf> {
        self.make_own_dir()?;
        for n in 1.. {
            let path = self.own_dir.join(format!("{}-{n}.rs", stub.name));
            let problem = |error| Failure::from(Error::io(&path, "written", error));
            match fs::File::create_new(&path) {
                Ok(mut file) => {
                    let whole = fs::read(self.root.join(stub.file())).map_err(problem)?;
                    file.write_all(&whole).and_then(|()| file.sync_all()).map_err(problem)?;
                    return Ok(path);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(problem(error)),
            }
        }
        Err(Failure::Failed("there are too many copies".to_string()))
    }

    fn make_own_dir(&self) -> Outcome<()> {
        let dir = &self.own_dir;
        fs::create_dir_all(dir).map_err(|error| Error::io(dir, "made", error).into())
    }

    fn solution(&self, stub: &Stub, now: bool) -> Outcome<bool> {
        let Some((file, item)) = stub.solution() else {
            let problem =
                format!("{} does not say where: at its end, `// Solution: FILE, FUNCTION` is missing", stub.file());
            return Err(Failure::Failed(problem));
        };
        if !now {
            let names = [stub.name.clone()];
            let checked = self.checks.judge(&names)?;
            let state = match &checked {
                Checked::Broken(broken) => broken.why(),
                Checked::Built { states, .. } => match states.get(&stub.name) {
                    Some(State::Done) => String::new(),
                    state => format!("yours is {}.", state.map_or("not checked", State::word)),
                },
            };
            if !state.is_empty() {
                let problem = format!("not yet: {state} \"solution {} --now\" shows it all the same", stub.name);
                return Err(Failure::Failed(problem));
            }
        }
        let text = fs::read_to_string(self.root.join(&file)).unwrap_or_default();
        match stubs::line_of(&text, &item) {
            Some(line) => cli::print(&format!("{file}:{line}: {item}\n"))?,
            None => cli::print(&format!("{file}: {item}\n"))?,
        }
        Ok(true)
    }
}

/// The rows of the table in `docs/exercises.md`.
fn markdown(stubs: &[Stub]) -> Vec<String> {
    let row = |stub: &Stub| {
        let Header { title, chapter, level, minutes } = &stub.header;
        format!("| {title} | {chapter} | [`{}`](../{}) | {level} | {minutes} |", stub.name, stub.file())
    };
    stubs.iter().map(row).collect()
}

/// The first exercise that is not done: after `name` if there is one, else of all.
fn next_after<'a>(stubs: &'a [Stub], states: &States, name: Option<&str>) -> Option<&'a Stub> {
    let start = name.and_then(|name| stubs.iter().position(|stub| stub.name == name)).map_or(0, |i| i + 1);
    let in_order = stubs[start..].iter().chain(&stubs[..start]);
    in_order.into_iter().find(|stub| states.get(&stub.name) != Some(&State::Done))
}

// ---------------------------------------------------------------------------------------------------------------------
// Watching
// ---------------------------------------------------------------------------------------------------------------------

/// How often to look whether a file was saved.
const POLL: Duration = Duration::from_millis(200);
/// How long the files must have been still: an editor may write in several steps.
const SETTLE: Duration = Duration::from_millis(50);

/// The Rust files of a folder: when each was written, and how long it is.
type Snapshot = BTreeMap<String, (Option<SystemTime>, u64)>;

impl Guide {
    fn watch(&self, stubs: &[Stub]) -> Outcome<bool> {
        let dir = self.root.join("src/exercises");
        let mut seen = snapshot(&dir);
        let first = self.overview(stubs)?;
        let mut states = first.states();
        if let Checked::Broken(broken) = first {
            cli::note_part(&broken.output);
        }
        cli::note("\n[watching src/exercises: save a file, and it is checked; Ctrl-C ends this]");
        let mut waiting = BTreeSet::new(); // saved, but not checked: something did not compile
        loop {
            std::thread::sleep(POLL);
            let mut now = snapshot(&dir);
            if now == seen {
                continue;
            }
            let start = Instant::now();
            loop {
                std::thread::sleep(SETTLE);
                let later = snapshot(&dir);
                if later == now {
                    break;
                }
                now = later;
            }
            let changed = changes(&seen, &now);
            seen = now;
            let stubs = match stubs::read(&self.root) {
                Ok(stubs) => stubs,
                Err(Failure::Failed(problem)) => {
                    cli::note(&problem);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            for file in changed {
                let name = file.trim_end_matches(".rs");
                if !seen.contains_key(&file) {
                    cli::print(&format!("\n{}\n", stubs::gone(&format!("src/exercises/{file}"))))?;
                    waiting.remove(name);
                } else if stubs.iter().any(|stub| stub.name == name) {
                    waiting.insert(name.to_string());
                } else {
                    // Not an exercise, but something that they may use.
                    let is_begun = |state: &State| *state != State::NotStarted;
                    waiting.extend(states.iter().filter(|(_, state)| is_begun(state)).map(|(name, _)| name.clone()));
                }
            }
            let names: Vec<String> = waiting.iter().cloned().collect();
            if names.is_empty() {
                continue;
            }
            cli::print("\n")?;
            // If nothing did compile until now, nothing is known of the others either.
            match self.checks.judge(if states.is_empty() { &[] } else { &names })? {
                Checked::Broken(broken) => {
                    cli::note_part(&broken.output);
                    cli::print(&broken.verdict(&names))?;
                }
                Checked::Built { states: new, printed, warnings } => {
                    waiting.clear();
                    cli::print(&printed)?;
                    states.extend(new.clone());
                    for name in &names {
                        cli::print(&checks::verdict(name, new.get(name), &warnings))?;
                        if new.get(name) == Some(&State::Done) {
                            cli::print(&self.what_next(&stubs, &states, name))?;
                        }
                    }
                }
            }
            cli::note(&format!("[{:.1} s]", start.elapsed().as_secs_f64()));
        }
    }

    fn what_next(&self, stubs: &[Stub], states: &States, done: &str) -> String {
        match next_after(stubs, states, Some(done)) {
            Some(stub) => format!("  next is {}: {}. {}\n", stub.name, stub.header.title, stub.place()),
            None => "  That was the last one: all exercises are done.\n".to_string(),
        }
    }
}

fn snapshot(dir: &Path) -> Snapshot {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        // An editor's own files begin with a dot.
        let is_source = name.ends_with(".rs") && !name.starts_with('.');
        let data = fs::metadata(entry.path()).ok().filter(|data| is_source && data.is_file())?;
        Some((name, (data.modified().ok(), data.len())))
    };
    entries.filter_map(file).collect()
}

/// The files that are new, gone or other than before.
fn changes(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let files: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    files.into_iter().filter(|file| before.get(*file) != after.get(*file)).cloned().collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// Words
// ---------------------------------------------------------------------------------------------------------------------

/// The words that are like this one, nearest first; at most three.
fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.len() / 3).clamp(2, 3).min(word.len().saturating_sub(1)); // two letters swapped are two edits
    let rate = |known: &'a str| {
        let is_part = word.len() >= 3 && (known.contains(word) || word.contains(known));
        let n = n_edits(word, known);
        (n <= limit || is_part).then_some((n, known))
    };
    let mut found: Vec<(usize, &str)> = known.filter_map(rate).collect();
    found.sort_by_key(|(n, _)| *n); // words that are equally near stay in their order
    found.into_iter().take(3).map(|(_, known)| known).collect()
}

/// How many letters must be put in, taken out or changed to make `b` from `a` (Levenshtein).
fn n_edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect(); // from nothing to each beginning of b
    for (i, letter) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let same = before + usize::from(letter != b[j]);
            before = row[j + 1];
            row[j + 1] = same.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Lines of at most `width` characters, if no word is longer.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Minutes as a person would say them.
fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} minutes"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

// `tests/exercise_guide.rs` runs these.
#[cfg(test)]
mod tests {
    use super::*;

    const STUB: &str = "//! Exercise: halves. Chapter 2. Easy, 40 minutes.\n//!\n//! Halve it.\n\n/// Half.\n\
                        pub fn half(x: f32) -> f32 {\n    not_started()\n}\n\n// Hint 1. a\n//\n// Hint 2. b\n//\n// Hint 3. c\n";

    /// A project of its own, with exercises of these names.
    fn guide(name: &str, exercises: &[&str]) -> Guide {
        let root = std::env::temp_dir().join(format!("gpt60-guide-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("src/exercises")).unwrap();
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(root.join("docs/02-tokens.md"), "# 2. Tokens, and a title that is much too long for a line\n")
            .unwrap();
        let lines: String = exercises.iter().map(|name| format!("pub mod {name};\n")).collect();
        fs::write(root.join("src/exercises/mod.rs"), format!("pub mod parts;\n\n{lines}")).unwrap();
        for exercise in exercises {
            fs::write(root.join(format!("src/exercises/{exercise}.rs")), STUB).unwrap();
        }
        let target = root.join("target");
        Guide {
            own_dir: target.join("exercises"),
            checks: Checks { root: root.clone(), target, is_release: false },
            root,
        }
    }

    fn usage<T>(outcome: Outcome<T>) -> String {
        match outcome {
            Err(Failure::Usage(problem)) => problem,
            _ => panic!("expected a usage error"),
        }
    }

    #[test]
    fn an_exercise_is_found_by_its_name_its_file_or_its_path() {
        let guide = guide("names", &["layer_norm", "linear"]);
        let stubs = stubs::read(&guide.root).unwrap();
        for word in ["layer_norm", "layer_norm.rs", "src/exercises/layer_norm.rs", "./layer_norm", "Layer-Norm"] {
            assert_eq!(find(&stubs, word).unwrap().name, "layer_norm");
        }
        assert!(usage(find(&stubs, "liner")).contains("did you mean linear?"));
        assert!(usage(find(&stubs, "norm")).contains("did you mean layer_norm?"));
        assert!(!usage(find(&stubs, "xyzxyz")).contains("did you mean"));
        assert!(unknown_command(&stubs, "linear").contains("check linear"));
        assert!(unknown_command(&stubs, "lits").contains("did you mean list?"));
        fs::remove_dir_all(&guide.root).unwrap();
    }

    #[test]
    fn a_file_that_is_gone_or_damaged_does_not_hide_the_others() {
        let guide = guide("gone", &["one", "two", "three"]);
        fs::remove_file(guide.root.join("src/exercises/one.rs")).unwrap();
        fs::write(guide.root.join("src/exercises/two.rs"), b"\xff\n").unwrap();
        let stubs = stubs::read(&guide.root).unwrap();
        let titles: Vec<&str> = stubs.iter().map(|stub| stub.header.title.as_str()).collect();
        assert_eq!(titles, ["(its file is gone)", "(its first line is not as it was)", "halves"]);
        fs::remove_dir_all(&guide.root).unwrap();
        assert!(stubs::read(&guide.root).is_err());
    }

    #[test]
    fn the_picture_fits_a_terminal() {
        let names: Vec<String> = (0..33).map(|i| format!("exercise_{i}")).collect();
        let guide = guide("picture", &names.iter().map(String::as_str).collect::<Vec<_>>()[..5]);
        let mut stubs = stubs::read(&guide.root).unwrap();
        let mut states = States::from([("exercise_0".to_string(), State::Done)]);
        states.insert("exercise_1".to_string(), State::Wrong(Vec::new()));
        states.extend((2..5).map(|i| (format!("exercise_{i}"), State::NotStarted)));
        let picture = guide.picture(&stubs, &states);
        assert!(picture.contains("[#x...]     1 of 5\n"), "{picture}");
        assert!(picture.ends_with("\n[#x...]  1 of 5, about 2 h 40 min to go\n"), "{picture}");
        assert!(guide.picture(&stubs, &States::new()).contains("[?????]"));
        stubs = names.iter().map(|name| Stub { name: name.clone(), ..stubs[0].clone() }).collect();
        for (i, stub) in stubs.iter_mut().enumerate() {
            stub.header.chapter = 2 + i as u32 / 4;
        }
        let picture = guide.picture(&stubs, &states);
        assert!(picture.lines().all(|line| line.chars().count() < 80), "{picture}");
        fs::remove_dir_all(&guide.root).unwrap();
    }

    #[test]
    fn what_comes_next_is_the_first_that_is_not_done_and_after_the_last_the_first_again() {
        let guide = guide("next", &["one", "two", "three"]);
        let stubs = stubs::read(&guide.root).unwrap();
        let mut states = States::from([("two".to_string(), State::Done)]);
        let next = |states: &States, after| next_after(&stubs, states, after).map(|stub| stub.name.clone());
        assert_eq!(next(&states, None).as_deref(), Some("one"));
        assert_eq!(next(&states, Some("one")).as_deref(), Some("three"));
        states.insert("three".to_string(), State::Done);
        assert_eq!(next(&states, Some("two")).as_deref(), Some("one"));
        states.insert("one".to_string(), State::Done);
        assert_eq!(next(&states, Some("one")), None);
        fs::remove_dir_all(&guide.root).unwrap();
    }

    #[test]
    fn hints_come_one_after_the_other_for_each_exercise() {
        let guide = guide("hints", &["one", "two"]);
        let calls = ["one", "one", "two", "one", "one", "two"].map(|name| guide.next_hint(name, 3).unwrap());
        assert_eq!(calls, [1, 2, 1, 3, 1, 2]);
        fs::write(guide.own_dir.join("hints.txt"), "one\ntwo x\n\u{0} 7\n").unwrap();
        assert_eq!(guide.next_hint("one", 3).unwrap(), 1);
        fs::remove_dir_all(&guide.root).unwrap();
    }

    #[test]
    fn reset_keeps_a_copy_each_time_and_begins_the_hints_again() {
        let guide = guide("reset", &["one", "two"]);
        let file = guide.root.join("src/exercises/one.rs");
        let copy = |n: usize| fs::read_to_string(guide.own_dir.join(format!("one-{n}.rs"))).unwrap();
        let reset = || guide.begin_again(&stubs::read(&guide.root).unwrap()[0]).unwrap();
        assert_eq!(reset(), None);
        assert!(!guide.own_dir.exists());
        for (n, body) in [(1, "x / 2.0"), (2, "x / 2.0 {{{"), (3, "x / 2.0")] {
            guide.next_hint("one", 3).unwrap();
            fs::write(&file, STUB.replace("not_started()", body)).unwrap();
            assert_eq!(reset(), Some(guide.own_dir.join(format!("one-{n}.rs"))));
            assert_eq!(fs::read_to_string(&file).unwrap(), STUB);
            assert_eq!(copy(n), STUB.replace("not_started()", body));
        }
        assert_eq!(copy(1), STUB.replace("not_started()", "x / 2.0"));
        assert_eq!(guide.next_hint("one", 3).unwrap(), 1);
        let names = fs::read_dir(guide.root.join("src/exercises")).unwrap();
        assert_eq!(names.count(), 3, "something was left behind");
        fs::remove_dir_all(&guide.root).unwrap();
    }

    #[test]
    fn every_way_to_save_is_seen() {
        let guide = guide("saves", &["one", "two"]);
        let dir = guide.root.join("src/exercises");
        let mut before = snapshot(&dir);
        let mut changed = || {
            let after = snapshot(&dir);
            let changed = changes(&before, &after);
            before = after;
            changed
        };
        assert_eq!(changed(), [""; 0]);
        fs::write(dir.join("one.rs"), "longer, and in place").unwrap();
        assert_eq!(changed(), ["one.rs"]);
        fs::write(dir.join("one.rs~"), "a backup").unwrap();
        fs::write(dir.join(".one.rs"), "an editor's own").unwrap();
        assert_eq!(changed(), [""; 0]);
        fs::rename(dir.join("one.rs~"), dir.join("one.rs")).unwrap();
        assert_eq!(changed(), ["one.rs"]);
        fs::rename(dir.join("one.rs"), dir.join("three.rs")).unwrap();
        assert_eq!(changed(), ["one.rs", "three.rs"]);
        fs::remove_file(dir.join("two.rs")).unwrap();
        assert_eq!(changed(), ["two.rs"]);
        fs::remove_dir_all(&guide.root).unwrap();
        assert_eq!(changed(), ["mod.rs", "three.rs"]);
    }

    #[test]
    fn the_table_in_the_book_is_that_of_the_files() {
        let guide = Guide::new();
        // Whoever has changed the first line of an exercise has changed nothing in the book.
        let stubs = stubs::read(&guide.root).unwrap();
        let (known, unknown): (Vec<Stub>, Vec<Stub>) = stubs.into_iter().partition(|stub| stub.header.chapter > 0);
        let book = fs::read_to_string(guide.root.join("docs/exercises.md")).unwrap();
        let is_row = |line: &&str| line.starts_with("| ") && line.contains("](../src/exercises/");
        let is_known = |line: &&str| !unknown.iter().any(|stub| line.contains(&stub.file()));
        let rows: Vec<&str> = book.lines().filter(is_row).filter(is_known).collect();
        assert_eq!(rows, markdown(&known), "`{RUN} list --markdown` prints the rows as they must be");
    }

    #[test]
    fn words_are_compared_wrapped_and_counted() {
        let edits = [("", "abc"), ("abc", "abc"), ("abc", "acb"), ("kitten", "sitting")].map(|(a, b)| n_edits(a, b));
        assert_eq!(edits, [3, 0, 2, 3]);
        assert_eq!(near("topk", ["top_k", "top_p", "softmax"].into_iter()), ["top_k", "top_p"]);
        assert_eq!(wrap("a bb  ccc\ndddddd e", 4), ["a bb", "ccc", "dddddd", "e"]);
        assert_eq!([0, 59, 60, 125].map(duration), ["0 minutes", "59 minutes", "1 h", "2 h 05 min"]);
    }
}
