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
use gpt60::checkpoint::json::Json;
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

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
        is_right = Guide::new()?.run(args)?;
        Ok(())
    });
    // "Not yet" is an answer, and no error: it is said on standard output, and the status repeats it for scripts.
    if is_right { status } else { ExitCode::FAILURE }
}

/// Where everything is.
struct Guide {
    /// The directory with `Cargo.toml`.
    root: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
    /// Whether this program was built with `--release`: the checks are then built so too.
    is_release: bool,
}

impl Guide {
    fn new() -> Outcome<Guide> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::current_exe().unwrap_or_default(); // target/debug/examples/exercises
        let profile = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        let is_usual = profile.ends_with("debug") || profile.ends_with("release");
        let target = match (is_usual, profile.parent(), std::env::var_os("CARGO_TARGET_DIR")) {
            (true, Some(target), _) => target.to_path_buf(),
            (_, _, Some(target)) => root.join(target),
            _ => root.join("target"),
        };
        Ok(Guide { root, target, is_release: profile.ends_with("release") })
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
        let stubs = self.stubs()?;
        let too_many = |n: usize| match words.get(n) {
            Some(word) => Err(Failure::Usage(format!("{word:?} is one word too many after {command:?}"))),
            None => Ok(()),
        };
        match command {
            "" => self.overview(&stubs).map(|_| true),
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
        Some(word) => find(stubs, word),
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
    format!("there is no command {word:?}; {advice}There are {}", COMMANDS.join(" "))
}

// ---------------------------------------------------------------------------------------------------------------------
// The commands
// ---------------------------------------------------------------------------------------------------------------------

impl Guide {
    /// No command: a picture of all exercises, and the next one. Gives what it found.
    fn overview(&self, stubs: &[Stub]) -> Outcome<Checked> {
        let checked = self.judge(&[])?;
        let states = checked.states();
        cli::print(&self.picture(stubs, &states))?;
        if let Checked::Broken(broken) = &checked {
            let place = broken.places.first().map_or("check", String::as_str);
            cli::print(&format!("\n{} Mend that first.\n", broken.why()))?;
            if let Some(stub) = stubs.iter().find(|stub| place.starts_with(&stub.file())) {
                cli::print(&format!("  {RUN} check {}    what the compiler says\n", stub.name))?;
            }
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
        let mark = |stub: &Stub| states.get(&stub.name).map_or('?', State::mark);
        let mut text = String::from("chapter                   # done   x wrong   . not started\n");
        for chapter in chapters {
            let here: Vec<&Stub> = stubs.iter().filter(|stub| stub.header.chapter == chapter).collect();
            let marks: String = here.iter().map(|stub| mark(stub)).collect();
            let n_done = here.iter().copied().filter(is_done).count();
            let title: String =
                self.chapter(chapter).map_or(String::new(), |(_, title)| title).chars().take(20).collect();
            text += &format!(
                "{chapter:2}  {title:20}  [{marks}]{:pad$}  {n_done} of {}\n",
                "",
                here.len(),
                pad = 8usize.saturating_sub(marks.len())
            );
        }
        let n_done = stubs.iter().filter(is_done).count();
        let minutes: u32 = stubs.iter().filter(|stub| !is_done(stub)).map(|stub| stub.header.minutes).sum();
        let all: String = stubs.iter().map(mark).take(60).collect();
        text += &format!("\n[{all}]  {n_done} of {}", stubs.len());
        if minutes > 0 { text + &format!(", about {} to go\n", duration(minutes)) } else { text + "\n" }
    }

    /// The next exercise, and what to type.
    fn introduction(&self, stub: &Stub, state: Option<&State>) -> String {
        let is_begun = matches!(state, Some(State::Wrong(_)));
        let Header { title, chapter, level, minutes } = &stub.header;
        let mut text = format!(
            "\n{} {}: {title}. {level}, {minutes} minutes.\n",
            if is_begun { "Go on with" } else { "Next is" },
            stub.name
        );
        text += &format!("  {}\n\n", stub.place());
        wrap(&stub.task(), 76).iter().for_each(|line| text += &format!("  {line}\n"));
        text += "\n";
        match (is_begun, self.chapter(*chapter)) {
            (true, _) => text += "It is not right yet. To see why:\n",
            (_, Some((file, _))) => {
                text += &format!(
                    "Read {file}, open the exercise, put your code in the place of\nnot_started(), and type:\n"
                )
            }
            (_, None) => text += "Open it, put your code in the place of not_started(), and type:\n",
        }
        text += &format!("  {RUN} check {}\n", stub.name);
        text += &format!("  {RUN} hint {}\n", stub.name);
        text + &format!("  {RUN} watch    checks whenever you save\n")
    }

    fn list(&self, stubs: &[Stub], as_markdown: bool) -> Outcome<bool> {
        if as_markdown {
            cli::print(&(markdown(stubs).join("\n") + "\n"))?;
            return Ok(true);
        }
        let checked = self.judge(&[])?;
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
        match self.judge(&names)? {
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                cli::print(&broken.verdict(&names))?;
                Ok(false)
            }
            Checked::Built { states, printed, warnings } => {
                cli::print(&printed)?;
                for name in &names {
                    cli::print(&self.verdict(name, states.get(name), &warnings))?;
                }
                Ok(names.iter().all(|name| states.get(name) == Some(&State::Done)))
            }
        }
    }

    /// Checks what has been begun. If that is nothing, nothing is wrong.
    fn check_all(&self, stubs: &[Stub]) -> Outcome<bool> {
        match self.judge(&[])? {
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
                    cli::print(&self.verdict(&stub.name, states.get(&stub.name), &warnings))?;
                }
                let n_done = begun.iter().filter(|stub| states[&stub.name] == State::Done).count();
                let n_wrong = begun.len() - n_done;
                cli::print(&format!("{n_done} done, {n_wrong} wrong, {} not started\n", stubs.len() - begun.len()))?;
                Ok(n_wrong == 0)
            }
        }
    }

    /// A verdict in words. A compiler's warning about a wrong solution may well say why it is wrong.
    fn verdict(&self, name: &str, state: Option<&State>, warnings: &[String]) -> String {
        match state {
            None => format!("{name}: there is no check for it in tests/exercises/\n"),
            Some(State::Wrong(lines)) => {
                let place = format!("src/exercises/{name}.rs:");
                let warnings = warnings.iter().filter(|warning| plain(warning).contains(&place));
                let warnings: String = warnings.map(|warning| format!("\n{warning}\n")).collect();
                let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
                format!("{name}: wrong\n{lines}{warnings}")
            }
            Some(state) => format!("{name}: {}\n", state.word()),
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
        let text = fs::read_to_string(self.own_dir().join("hints.txt")).unwrap_or_default();
        let line = |line: &str| line.split_once(' ').and_then(|(name, n)| Some((name.to_string(), n.parse().ok()?)));
        text.lines().filter_map(line).collect()
    }

    fn remember_hints(&self, shown: &BTreeMap<String, usize>) -> Outcome<()> {
        let text: String = shown.iter().map(|(name, level)| format!("{name} {level}\n")).collect();
        self.make_own_dir()?;
        Ok(write_beside(&self.own_dir().join("hints.txt"), text.as_bytes())?)
    }

    fn reset(&self, stub: &Stub) -> Outcome<bool> {
        let file = stub.file();
        let Some(fresh) = stub.fresh() else {
            let problem =
                format!("{file} has no line that begins with `pub fn`: bring it back with `git checkout {file}`");
            return Err(Failure::Failed(problem));
        };
        if fresh == stub.text {
            cli::print(&format!("{}: nothing has been written yet\n", stub.name))?;
            return Ok(true);
        }
        let copy = self.keep_copy(stub)?;
        write_beside(&self.root.join(&file), fresh.as_bytes())?;
        let mut shown = self.shown_hints();
        if shown.remove(&stub.name).is_some() {
            self.remember_hints(&shown)?;
        }
        cli::print(&format!("{}: not started\n  what was there is in {}\n", stub.name, copy.display()))?;
        Ok(true)
    }

    /// Copies the file as it is to a name that is free.
    fn keep_copy(&self, stub: &Stub) -> Outcome<PathBuf> {
        self.make_own_dir()?;
        for n in 1.. {
            let path = self.own_dir().join(format!("{}-{n}.rs", stub.name));
            let problem =
                |error: std::io::Error| Failure::from(Error::file(&path, format!("cannot write it: {error}")));
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

    /// Where this program keeps its own files: not in the source.
    fn own_dir(&self) -> PathBuf {
        self.target.join("exercises")
    }

    fn make_own_dir(&self) -> Outcome<()> {
        let dir = self.own_dir();
        fs::create_dir_all(&dir).map_err(|error| Error::file(&dir, format!("cannot make it: {error}")).into())
    }

    fn solution(&self, stub: &Stub, now: bool) -> Outcome<bool> {
        let Some((file, item)) = stub.solution() else {
            let problem =
                format!("{} does not say where: at its end, `// Solution: FILE, FUNCTION` is missing", stub.file());
            return Err(Failure::Failed(problem));
        };
        if !now {
            let names = [stub.name.clone()];
            let checked = self.judge(&names)?;
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
        match line_of(&text, &item) {
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
            let stubs = match self.stubs() {
                Ok(stubs) => stubs,
                Err(Failure::Failed(problem)) => {
                    cli::note(&problem);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            cli::print("\n")?;
            for file in changed {
                let name = file.trim_end_matches(".rs");
                if !seen.contains_key(&file) {
                    cli::print(&format!(
                        "src/exercises/{file} is gone; `git checkout src/exercises/{file}` brings it back\n"
                    ))?;
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
            match self.judge(&names)? {
                Checked::Broken(broken) => {
                    cli::note_part(&broken.output);
                    cli::print(&broken.verdict(&names))?;
                }
                Checked::Built { states: new, printed, warnings } => {
                    waiting.clear();
                    cli::print(&printed)?;
                    states.extend(new.clone());
                    for name in &names {
                        cli::print(&self.verdict(name, new.get(name), &warnings))?;
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
// Asking for a verdict
// ---------------------------------------------------------------------------------------------------------------------

/// What became of an exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    NotStarted,
    Done,
    /// With what the check says, a line each.
    Wrong(Vec<String>),
}

type States = BTreeMap<String, State>;

impl State {
    fn word(&self) -> &'static str {
        match self {
            State::NotStarted => "not started",
            State::Done => "done",
            State::Wrong(_) => "wrong",
        }
    }

    fn mark(&self) -> char {
        match self {
            State::NotStarted => '.',
            State::Done => '#',
            State::Wrong(_) => 'x',
        }
    }
}

/// What came of building and running the checks.
enum Checked {
    Built {
        states: States,
        /// What the learner's functions have printed.
        printed: String,
        /// The compiler's, about the exercises.
        warnings: Vec<String>,
    },
    Broken(Broken),
}

impl Checked {
    /// Nothing is known of exercises that do not compile.
    fn states(&self) -> States {
        match self {
            Checked::Built { states, .. } => states.clone(),
            Checked::Broken(_) => States::new(),
        }
    }
}

/// The checks could not be built.
struct Broken {
    /// What cargo and the compiler say.
    output: String,
    /// `src/exercises/softmax.rs:27`, of each error.
    places: Vec<String>,
}

impl Broken {
    /// In a sentence.
    fn why(&self) -> String {
        match self.places.first() {
            Some(place) => format!("{place} does not compile."),
            None => {
                let output = plain(&self.output);
                let error = output.lines().find(|line| line.starts_with("error")).unwrap_or("cargo gives no reason");
                format!("the checks cannot be built: {error}.")
            }
        }
    }

    /// What it means for these exercises.
    fn verdict(&self, names: &[String]) -> String {
        let is_own = |name: &String| self.places.iter().any(|p| p.starts_with(&format!("src/exercises/{name}.rs:")));
        let mut text = String::new();
        for name in names {
            match self.places.first() {
                _ if is_own(name) => text += &format!("{name}: does not compile\n"),
                Some(place) if place.starts_with("src/exercises/") => {
                    text += &format!(
                        "{name}: cannot be checked, for {}\n  Mend that first. (\"reset\" puts a file aside, and keeps a copy.)\n",
                        self.why()
                    );
                }
                _ => text += &format!("{name}: cannot be checked, for {}\n", self.why()),
            }
        }
        text
    }
}

impl Guide {
    /// Builds the checks and runs those of the exercises with these names; all if there are none.
    fn judge(&self, names: &[String]) -> Outcome<Checked> {
        let (program, warnings) = match self.build()? {
            Ok(built) => built,
            Err(broken) => return Ok(Checked::Broken(broken)),
        };
        let mut states = States::new();
        let (mut printed, end) = self.ask(&program, names, &mut states)?;
        if end.is_some() {
            // One of them has ended the whole program, and those after it were not asked. So each is asked alone.
            let all =
                if names.is_empty() { self.stubs()?.into_iter().map(|s| s.name).collect() } else { names.to_vec() };
            for name in all {
                if states.contains_key(&name) {
                    continue;
                }
                let (more, end) = self.ask(&program, std::slice::from_ref(&name), &mut states)?;
                printed += &more;
                if let Some(reason) = end {
                    states.entry(name).or_insert(State::Wrong(vec![reason]));
                }
            }
        }
        Ok(Checked::Built { states, printed, warnings })
    }

    /// Builds the checks: their program, and the compiler's warnings.
    fn build(&self) -> Outcome<std::result::Result<(PathBuf, Vec<String>), Broken>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let colour = cli::is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut command = process::Command::new(&cargo);
        command.args(["test", "--quiet", "--test", "exercises", "--no-run"]);
        // The compiler's words then come on standard error as ever, and the program's place on standard output.
        command.args(["--message-format", "json-render-diagnostics"]);
        command.args(["--color", if colour { "always" } else { "never" }]);
        command.arg("--target-dir").arg(&self.target);
        if self.is_release {
            command.arg("--release");
        }
        command.current_dir(&self.root).stdin(Stdio::null());
        let output = command.output().map_err(|error| cannot_start(Path::new(&cargo), &error))?;
        let said = own_paths(&String::from_utf8_lossy(&output.stderr));
        let program = String::from_utf8_lossy(&output.stdout).lines().filter_map(executable).next_back();
        Ok(match program {
            Some(program) if output.status.success() => Ok((program, blocks(&said).map(str::to_string).collect())),
            _ => Err(Broken::new(&said)),
        })
    }

    /// Runs the checks and notes the verdicts: what the learner's functions have printed, and how the program ended if that
    /// was before its end.
    fn ask(&self, program: &Path, names: &[String], states: &mut States) -> Outcome<(String, Option<String>)> {
        let mut command = process::Command::new(program);
        command.arg("--status").args(names).current_dir(&self.root).stdin(Stdio::null());
        let output = command.output().map_err(|error| cannot_start(program, &error))?;
        let printed = read_status(&own_paths(&String::from_utf8_lossy(&output.stdout)), states);
        let said = own_paths(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok((printed + &said, None));
        }
        let reason = if said.contains("overflowed its stack") {
            "it calls itself again and again, until the stack is full: where is that to end?".to_string()
        } else {
            format!(
                "it ends the whole program ({}): {}",
                output.status,
                said.lines().next().unwrap_or("without a word")
            )
        };
        Ok((printed, Some(reason)))
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be started: {error}", program.display()))
}

/// The program that a line of cargo's messages says it has built.
fn executable(line: &str) -> Option<PathBuf> {
    Json::parse(line).ok()?.get("executable")?.as_str().map(PathBuf::from)
}

/// Reads what `tests/exercises/` prints for `--status`, and gives back what is not from there: the learner's own output.
fn read_status(text: &str, states: &mut States) -> String {
    let (mut printed, mut last) = (String::new(), None);
    for line in text.lines() {
        // What was printed without a line break stands in front of the name.
        let verdict = line.rsplit_once('\t').and_then(|(before, word)| {
            let name = before.rsplit(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).next()?;
            let state = match word {
                "not started" => State::NotStarted,
                "done" => State::Done,
                "wrong" => State::Wrong(Vec::new()),
                _ => return None,
            };
            (!name.is_empty()).then(|| (before[..before.len() - name.len()].to_string(), name.to_string(), state))
        });
        if let Some((before, name, state)) = verdict {
            if !before.is_empty() {
                printed += &format!("{before}\n");
            }
            states.insert(name.clone(), state);
            last = Some(name);
        } else if let (Some(detail), Some(State::Wrong(details))) =
            (line.strip_prefix('\t'), last.as_ref().and_then(|name| states.get_mut(name)))
        {
            details.push(detail.to_string());
        } else {
            printed += &format!("{line}\n");
            last = None;
        }
    }
    printed
}

/// The folder of the checks includes that of the exercises; the compiler says so in every path.
fn own_paths(text: &str) -> String {
    text.replace("tests/exercises/../../", "")
}

/// A compiler's messages have empty lines between them.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty())
}

/// Text without colours: ESC [ ... m.
fn plain(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or("").to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

impl Broken {
    /// From what cargo and the compiler say. Warnings about anything but the exercises are left out.
    fn new(said: &str) -> Broken {
        let (mut output, mut places) = (String::new(), Vec::new());
        for block in blocks(said) {
            let plain = plain(block);
            let place = plain.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
            if plain.starts_with("warning") && !place.is_some_and(|place| place.starts_with("src/exercises/")) {
                continue;
            }
            output += &format!("{block}\n\n");
            if let (true, Some(place)) = (plain.starts_with("error"), place) {
                // FILE:LINE:COLUMN
                places.push(place.rsplit_once(':').map_or(place, |(place, _)| place).to_string());
            }
        }
        Broken { output, places }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading the exercises
// ---------------------------------------------------------------------------------------------------------------------

/// An exercise, as its file in `src/exercises/` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stub {
    name: String,
    text: String,
    header: Header,
}

/// The first line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    title: String,
    chapter: u32,
    level: String,
    minutes: u32,
}

impl Header {
    /// Reads `//! Exercise: TITLE. Chapter N. LEVEL, M minutes.`
    fn parse(text: &str) -> Option<Header> {
        let line = text.lines().next()?.strip_prefix("//! Exercise: ")?.strip_suffix(" minutes.")?;
        let (title, rest) = line.rsplit_once(". Chapter ")?;
        let (chapter, rest) = rest.split_once(". ")?;
        let (level, minutes) = rest.split_once(", ")?;
        let (chapter, minutes) = (chapter.parse().ok()?, minutes.parse().ok()?);
        Some(Header { title: title.to_string(), chapter, level: level.to_string(), minutes })
    }
}

impl Guide {
    /// The exercises, in the order of the book: that of the `pub mod` lines.
    fn stubs(&self) -> Outcome<Vec<Stub>> {
        let dir = self.root.join("src/exercises");
        let names = fs::read_to_string(dir.join("mod.rs")).map_err(|_| {
            Failure::Failed(format!("there are no exercises in {}: where is the source gone?", dir.display()))
        })?;
        let names = names.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        let stub = |name: &str| {
            // Whatever it has become: the others must be there all the same.
            let text = fs::read(dir.join(format!("{name}.rs")));
            let unknown = if text.is_ok() { "(its first line is not as it was)" } else { "(its file is gone)" };
            let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
            let unknown = || Header { title: unknown.to_string(), chapter: 0, level: "?".to_string(), minutes: 0 };
            Stub { name: name.to_string(), header: Header::parse(&text).unwrap_or_else(unknown), text }
        };
        Ok(names.filter(|name| *name != "parts").map(stub).collect())
    }

    /// The file of a chapter, and its title.
    fn chapter(&self, number: u32) -> Option<(String, String)> {
        let files = fs::read_dir(self.root.join("docs")).ok()?.flatten();
        let mut names = files.filter_map(|file| file.file_name().into_string().ok());
        let name = names.find(|name| name.starts_with(&format!("{number:02}-")) && name.ends_with(".md"))?;
        let title = name[3..name.len() - 3].replace('-', " ");
        Some((format!("docs/{name}"), title))
    }
}

impl Stub {
    fn file(&self) -> String {
        format!("src/exercises/{}.rs", self.name)
    }

    /// The file and the line of the function.
    fn place(&self) -> String {
        let line = self.text.lines().position(|line| line.starts_with("pub fn ")).map_or(1, |i| i + 1);
        format!("{}:{line}", self.file())
    }

    /// The first paragraph after the header.
    fn task(&self) -> String {
        let docs = self.text.lines().skip(1).map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let lines = docs.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }

    /// The hints at the end of the file, as lines.
    fn hints(&self) -> Vec<Vec<String>> {
        let mut hints: Vec<Vec<String>> = Vec::new();
        for line in self.text.lines().filter(|line| line.starts_with("//") && !line.starts_with("//!")) {
            let text = line.trim_start_matches('/');
            let text = text.strip_prefix(' ').unwrap_or(text).trim_end().to_string();
            if text.starts_with(&format!("Hint {}. ", hints.len() + 1)) {
                hints.push(vec![text]);
            } else if text.starts_with("Solution: ") {
                break;
            } else if let Some(hint) = hints.last_mut() {
                hint.push(text);
            }
        }
        for hint in &mut hints {
            while hint.last().is_some_and(String::is_empty) {
                hint.pop();
            }
        }
        hints
    }

    /// The library's file and function, from the last line: `// Solution: src/layers/mlp.rs, Mlp::forward`.
    fn solution(&self) -> Option<(String, String)> {
        let line = self.text.lines().rev().find_map(|line| line.strip_prefix("// Solution: "))?;
        line.trim_end().split_once(", ").map(|(file, item)| (file.to_string(), item.to_string()))
    }

    /// The file as it was before anything was written; `None` if it has no function any more.
    ///
    /// There is no second copy of it anywhere. But what an exercise consists of can be told by how its lines begin: comments
    /// `//!`, `use`, items that are `pub`, and the hints. All else is the learner's, and goes; and the body of every `pub fn`
    /// becomes `not_started()` again. Braces are not counted: in the middle of work, they may not match.
    fn fresh(&self) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut above = Vec::new(); // comments and attributes, which belong to the item under them
        let mut rest = self.text.lines().peekable();
        let (mut has_function, mut in_hints) = (false, false);
        while let Some(line) = rest.next() {
            in_hints = in_hints || line.starts_with("// Hint 1.");
            if in_hints || line.starts_with("//!") {
                if line.is_empty() || line.starts_with("//") {
                    lines.push(line.to_string());
                }
            } else if line.starts_with("//") || line.starts_with("#[") {
                above.push(line.to_string());
            } else if line.starts_with("pub fn ") {
                has_function = true;
                lines.append(&mut above);
                // The signature goes on to the first opening brace.
                let mut line = line;
                while !line.contains('{') {
                    lines.push(line.to_string());
                    line = rest.next_if(|line| !begins_an_item(line))?;
                }
                let signature = line.split('{').next().unwrap_or(line);
                lines.extend([format!("{}{{", signature), "    not_started()".to_string(), "}".to_string()]);
                while rest.next_if(|line| !begins_an_item(line)).is_some() {}
                lines.push(String::new());
            } else if line.starts_with("pub ") || line.starts_with("use ") {
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
        // One empty line where several have met.
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
        has_function.then(|| lines.join("\n").trim_end().to_string() + "\n")
    }
}

/// Whether a line stands at the left and begins something new.
fn begins_an_item(line: &str) -> bool {
    let inside = [' ', '\t', '}', ')', ']'];
    !line.is_empty() && !line.starts_with(inside) && !line.starts_with("where")
}

/// The line of a function, or of a method: `Mlp::forward`.
fn line_of(text: &str, item: &str) -> Option<usize> {
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

// ---------------------------------------------------------------------------------------------------------------------
// Words
// ---------------------------------------------------------------------------------------------------------------------

/// The words that are like this one, nearest first; at most three.
fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.len() / 3).clamp(1, 3);
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
