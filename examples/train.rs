//! Trains a model on text files. See `docs/13-training.md`.
//!
//! ```text
//! cargo run --release --example train -- story.txt --out my-model
//! cargo run --release --example train -- --resume my-model
//! cargo run --release --example greedy -- --model my-model
//! ```

use gpt60::checkpoint;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::train::changes::Changes;
use gpt60::train::run::Trainer;
use gpt60::train::settings::{Arithmetic, Inputs, Settings};
use gpt60::train::step::StepReport;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[path = "train/advice.rs"]
mod advice;
#[path = "train/late.rs"]
mod late;
#[path = "train/sparkline.rs"]
mod sparkline;
#[path = "train/vocabulary.rs"]
mod vocabulary;

use sparkline::sparkline;
use vocabulary::Vocabulary;

const COMMAND: Command = Command {
    name: "train",
    about: "Trains a GPT-2 on text files, from random weights or from another model. Everything is kept in a directory: the\n\
            state, the model, its vocabulary and the losses. Stopping the program at any moment is safe: --resume goes on.",
    operands: "FILE...",
    max_operands: usize::MAX,
    flags: &[
        Flag { name: "--out", value: "DIR", help: "where to keep the run (default: trained)" },
        Flag {
            name: "--resume",
            value: "DIR",
            help: "go on with the run in DIR; FILE..., --valid and --steps say what has changed, if anything has",
        },
        Flag {
            name: "--new-text",
            value: "",
            help: "with --resume: the texts may be other ones than before; the vocabulary stays",
        },
        Flag { name: "--text", value: "FILE", help: "the same as FILE; may be given several times (default: none)" },
        Flag { name: "--valid", value: "FILE", help: "text to check the learning with; may be given several times" },
        Flag {
            name: "--init",
            value: "DIR",
            help: "begin from the model in DIR: fine-tuning (default: random weights)",
        },
        Flag { name: "--n-layer", value: "N", help: "blocks (default: 4)" },
        Flag { name: "--n-head", value: "N", help: "attention heads (default: 4)" },
        Flag { name: "--n-embd", value: "N", help: "numbers that stand for a token (default: 128)" },
        Flag {
            name: "--n-ctx",
            value: "N",
            help: "tokens that the model can look at; with --init, how many of them a window has (default: 128)",
        },
        Flag { name: "--n-vocab", value: "N", help: "tokens in the vocabulary, at most (default: 2048)" },
        Flag { name: "--batch", value: "N", help: "windows of text in a batch (default: 16)" },
        Flag { name: "--accumulate", value: "N", help: "batches whose gradients make one step (default: 1)" },
        Flag { name: "--lr", value: "X", help: "the peak of the learning rate (default: 0.002)" },
        Flag { name: "--warmup", value: "N", help: "steps until the peak (default: a twentieth of the steps)" },
        Flag { name: "--weight-decay", value: "X", help: "how much matrices shrink (default: 0.1)" },
        Flag { name: "--steps", value: "N", help: "steps in all (default: 1000)" },
        Flag {
            name: "--valid-every",
            value: "N",
            help: "steps between two looks at the validation text (default: 100)",
        },
        Flag {
            name: "--save-every",
            value: "N",
            help: "steps between two writings of the state, besides those by the clock (default: 250)",
        },
        Flag { name: "--seed", value: "N", help: "where the random numbers begin (default: 42)" },
        Flag {
            name: "--precision",
            value: "KIND",
            help: "make products in f32, or in bf16: fewer digits, faster on processors made for it (default: f32)",
        },
        Flag {
            name: "--muon",
            value: "",
            help: "move the matrices of the blocks by Muon, not by AdamW: fewer steps to the same loss, each a little slower",
        },
    ],
    chapter: "docs/13-training.md",
};

/// If the first step takes longer, that is said.
const LONG_STEP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let (mut trainer, dir) = match args.get("--resume") {
            Some(dir) => (resume(args, dir)?, PathBuf::from(dir)),
            None => begin(args)?,
        };
        describe(&trainer, args.has("--resume"));
        let mut progress = Progress::new(trainer.state.settings.steps, args.width()?);
        let mut first_step = Some(late::after(LONG_STEP, || {
            cli::note(&format!(
                "the first step takes longer than {} seconds; fewer --accumulate, a smaller --batch or --n-ctx, or a smaller \
                 model make a step shorter",
                LONG_STEP.as_secs()
            ));
        }));
        trainer.run(|report| {
            first_step = None;
            progress.show(report);
        })?;
        progress.end();
        cli::note(&format!("The model is in {}; try: --example greedy -- --model {0}", dir.display()));
        Ok(())
    })
}

/// The texts to learn from: FILE..., and --text.
fn texts(args: &Args) -> Vec<PathBuf> {
    args.operands.iter().map(String::as_str).chain(args.all("--text")).map(PathBuf::from).collect()
}

fn valid(args: &Args) -> Vec<PathBuf> {
    args.all("--valid").into_iter().map(PathBuf::from).collect()
}

/// What is shown while a vocabulary is learned.
fn watch_vocabulary() -> impl FnMut(usize, usize) {
    let is_terminal = cli::is_terminal();
    let mut vocabulary = Vocabulary::new(is_terminal);
    move |n_tokens, n_vocab| {
        if let Some(line) = vocabulary.line(n_tokens, n_vocab, Instant::now()) {
            if is_terminal { cli::note_part(&format!("\r\x1b[K{line}")) } else { cli::note(&line) }
        }
        if is_terminal && n_tokens == n_vocab && vocabulary.has_shown() {
            cli::note_part("\r\x1b[K"); // what follows takes its line
        }
    }
}

/// A run that goes on, with what has changed.
fn resume(args: &Args, dir: &str) -> Outcome<Trainer> {
    let changeable = ["--resume", "--text", "--valid", "--steps", "--new-text"];
    if let Some(flag) = COMMAND.flags.iter().find(|flag| !changeable.contains(&flag.name) && args.has(flag.name)) {
        let problem = format!(
            "{} is not for --resume: a run goes on with the settings it began with, and only --steps and the places of its \
             texts can change; --init DIR begins a new run from its weights",
            flag.name
        );
        return Err(Failure::Usage(problem));
    }
    let steps = if args.has("--steps") { Some(args.count("--steps", Settings::default().steps)?) } else { None };
    let changes = Changes { train: texts(args), valid: valid(args), steps, new_text: args.has("--new-text") };
    Ok(Trainer::resume_with(Path::new(dir), &changes, watch_vocabulary())?)
}

/// `--precision`: in which numbers products are made.
fn precision(args: &Args) -> Outcome<Arithmetic> {
    let Some(name) = args.get("--precision") else { return Ok(Arithmetic::F32) };
    name.parse().map_err(|error| Failure::Usage(format!("--precision {error}")))
}

/// A new run, as the flags describe it.
fn begin(args: &Args) -> Outcome<(Trainer, PathBuf)> {
    let inputs = Inputs { train: texts(args), valid: valid(args), init: args.get("--init").map(PathBuf::from) };
    if inputs.train.is_empty() {
        return Err(Failure::Usage("give at least one text file to learn from, or --resume DIR".to_string()));
    }
    if args.has("--init")
        && let Some(flag) = ["--n-layer", "--n-head", "--n-embd", "--n-vocab"].into_iter().find(|name| args.has(name))
    {
        let problem = format!("{flag} is decided by the model of --init; leave it out");
        return Err(Failure::Usage(problem));
    }
    if args.has("--new-text") {
        return Err(Failure::Usage("--new-text is for a run that goes on: give --resume DIR".to_string()));
    }
    let usual = Settings::default();
    let steps = args.count("--steps", usual.steps)?;
    let settings = Settings {
        n_layer: args.count("--n-layer", usual.n_layer)?,
        n_head: args.count("--n-head", usual.n_head)?,
        n_embd: args.count("--n-embd", usual.n_embd)?,
        n_ctx: args.count("--n-ctx", usual.n_ctx)?,
        n_vocab: args.count("--n-vocab", usual.n_vocab)?,
        batch: args.count("--batch", usual.batch)?,
        accumulate: args.count("--accumulate", usual.accumulate)?,
        lr: args.number("--lr", usual.lr)?,
        warmup: args.number("--warmup", steps / 20)?,
        weight_decay: args.number("--weight-decay", usual.weight_decay)?,
        seed: args.number("--seed", usual.seed)?,
        precision: precision(args)?,
        muon: args.has("--muon"),
        valid_every: args.count("--valid-every", usual.valid_every)?,
        save_every: args.count("--save-every", usual.save_every)?,
        steps,
        ..usual
    };
    settings.check().map_err(|e| Failure::Usage(e.to_string()))?;
    if args.has("--valid-every") && inputs.valid.is_empty() {
        let problem = "--valid-every is for a validation text: give --valid FILE, or leave it out";
        return Err(Failure::Usage(problem.to_string()));
    }
    if let Some(init) = inputs.init.as_ref().filter(|_| args.has("--n-ctx")) {
        let n_ctx = checkpoint::load_config(init)?.n_ctx;
        if settings.n_ctx > n_ctx {
            let problem = format!("--n-ctx is {}, but the model of --init can look at {n_ctx} tokens", settings.n_ctx);
            return Err(Failure::Usage(problem));
        }
    }
    let dir = PathBuf::from(args.get("--out").unwrap_or("trained"));
    let trainer = Trainer::begin_watched(settings, inputs, &dir, watch_vocabulary())?;
    Ok((trainer, dir))
}

fn describe(trainer: &Trainer, is_resumed: bool) {
    let config = &trainer.state.model.config;
    let products = match trainer.state.settings.precision {
        Arithmetic::F32 => "", // as usual
        Arithmetic::Bf16 => "; products in bf16",
    };
    let rule = if trainer.state.settings.muon { "; the matrices are moved by Muon" } else { "" };
    cli::note(&format!(
        "{} parameters ({} layers, {} heads, {} wide, context {}, vocabulary {}), {} tokens of text{products}{rule}",
        trainer.state.model.n_parameters(),
        config.n_layer,
        config.n_head,
        config.n_embd,
        config.n_ctx,
        config.n_vocab,
        trainer.n_train_tokens(),
    ));
    let (n_seq, asked) = (trainer.n_seq(), trainer.state.settings.n_ctx.min(config.n_ctx));
    if n_seq < asked {
        cli::note(&advice::too_long_a_window(asked, n_seq));
    } else if n_seq < config.n_ctx {
        cli::note(&format!("windows of {n_seq} tokens; --n-ctx {} would use the whole context", config.n_ctx));
    }
    let Settings { warmup, steps, batch, accumulate, save_every, .. } = trainer.state.settings;
    let (n_step, n_text) = (batch.saturating_mul(accumulate).saturating_mul(n_seq), trainer.n_train_tokens());
    cli::note(&advice::epochs(steps, n_step, n_text));
    if !is_resumed {
        let lines = [advice::too_short(n_text), advice::too_many_epochs(steps, n_step, n_text)];
        lines.iter().flatten().for_each(|line| cli::note(line));
    }
    if trainer.step() >= steps {
        cli::note(&format!("all {} steps have been made", trainer.step()));
    } else if is_resumed {
        cli::note(&advice::going_on(trainer.step(), trainer.n_lost(), save_every));
    }
    for note in trainer.notes() {
        cli::note(note);
    }
    if warmup > steps {
        cli::note(&format!(
            "the warm-up of {warmup} steps is longer than the run of {steps}: the learning rate never reaches its peak"
        ));
    }
}

/// The progress line: it overwrites itself on a terminal, and elsewhere prints a new line now and then.
struct Progress {
    steps: u64,
    last_step: Instant,
    last_shown: Option<Instant>,
    /// How long a step takes: a running average, because the machine may have other work for a while.
    step_seconds: Option<f64>,
    /// The running average of the loss, after each step.
    losses: Vec<f64>,
    is_terminal: bool,
    width: usize,
}

/// How many characters the curve beside the numbers may take.
const CURVE: usize = 32;

impl Progress {
    fn new(steps: u64, width: usize) -> Progress {
        let (last_step, is_terminal) = (Instant::now(), cli::is_terminal());
        Progress { steps, last_step, last_shown: None, step_seconds: None, losses: Vec::new(), is_terminal, width }
    }

    fn show(&mut self, report: &StepReport) {
        // The loss of a single batch jumps about; a running average shows the direction.
        let smooth = running_average(self.losses.last().copied(), report.loss);
        self.losses.push(smooth);
        let seconds = running_average(self.step_seconds, self.last_step.elapsed().as_secs_f64());
        self.step_seconds = Some(seconds);
        self.last_step = Instant::now();
        let pause = Duration::from_millis(if self.is_terminal { 100 } else { 5000 });
        let is_last = report.step == self.steps;
        let is_due = self.last_shown.is_none_or(|last| last.elapsed() >= pause);
        if !is_due && report.valid_loss.is_none() && !is_last {
            return;
        }
        self.last_shown = Some(Instant::now());
        let left = seconds * (self.steps - report.step) as f64;
        let valid = report.valid_loss.map_or(String::new(), |loss| format!("  validation {loss:.4}"));
        let line = format!(
            "step {}/{}  loss {smooth:.4}{valid}  {:.0} tokens/s  {} left",
            report.step,
            self.steps,
            report.n_tokens as f64 / seconds,
            duration(left),
        );
        // The curve so far, if there is room for it.
        let room = self.width.saturating_sub(line.len() + 3).min(CURVE);
        let has_curve = self.is_terminal && room >= 8;
        let line = if has_curve { format!("{line}  {}", sparkline(&self.losses, room)) } else { line };
        match (self.is_terminal, report.valid_loss.is_some()) {
            // Back to the start, clear, write: no more than fits, because the start of a wrapped line is out of reach.
            (true, false) => cli::note_part(&format!("\r\x1b[K{line:.0$}", self.width)),
            (true, true) => cli::note(&format!("\r\x1b[K{line}")), // a look at the validation text stays
            (false, _) => cli::note(&line),
        }
    }

    fn end(&self) {
        if self.is_terminal {
            cli::note("");
        }
    }
}

/// The average of a value that jumps from one step to the next.
fn running_average(before: Option<f64>, now: f64) -> f64 {
    before.map_or(now, |before| 0.95 * before + 0.05 * now)
}

/// Seconds as a person would say them.
fn duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}
