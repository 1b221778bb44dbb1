//! How fast is it, and how fast could it be on this machine? See `docs/16-making-it-fast.md`.
//!
//! ```text
//! cargo run --release --example bench
//! cargo run --release --example bench -- --shape six
//! ```
//!
//! A time alone says little. That is why the machine is measured first: how fast it reads memory, and how fast it
//! multiplies and adds. No program can take less time than its reading or its arithmetic takes at these speeds. That is
//! its *limit*, and each measurement is shown beside it.
//!
//! Which of the two matters? To write one token, every weight is read from memory and used once: reading takes longer
//! than arithmetic. To read a long prompt or to learn from a batch, every weight is used for hundreds of tokens: now
//! the arithmetic takes longer. (A small model stays in the processor's caches, which are faster than memory; it can
//! exceed the limit of reading.)
//!
//! Machines are noisy: other programs run, and the processor gets hot. Each result is the median of several runs, with
//! the smallest and the largest beside it. The machine's own two speeds are the best of all runs instead: a limit is the
//! best that was seen, and a median of busy moments could be exceeded in quiet ones. Two programs can only be compared if they take turns on the same machine, on
//! the same day.

use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::kernels::arithmetic::Arithmetic;
use gpt60::kernels::peak::Short;
use gpt60::kernels::threads;
use gpt60::weight::Precision;
use std::process::ExitCode;

#[path = "bench/machine.rs"]
mod machine;
#[path = "bench/shape.rs"]
mod shape;
#[path = "bench/tasks.rs"]
mod tasks;
#[path = "bench/text.rs"]
mod text;

use machine::Memory;
use shape::{Shape, bytes_per_token, forward_operations, training_operations};

const COMMAND: Command = Command {
    name: "bench",
    about: "Measures this machine (reading memory, multiply-adds), then what this crate does with it: a matrix product, writing,\n\
            reading a prompt, training, the tokenizer, loading. Each median stands beside its limit: what it would be if the\n\
            machine's reading or its arithmetic were the only thing that takes time. A limit is the best that was seen: of the\n\
            machine's two speeds, the best run counts, not the median. Takes a few minutes, best with --release.",
    operands: "",
    max_operands: 0,
    flags: &[
        Flag {
            name: "--shape",
            value: "NAME",
            help: "measure this model alone: 124M, 355M, six or four (default: 124M, and training of six and four)",
        },
        Flag {
            name: "--weights",
            value: "KIND",
            help: "measure writing and reading with such weights alone: f32, bf16, int8 or int4 (default: with each of them)",
        },
        Flag { name: "--threads", value: "N", help: "how many threads work, 1 to 256 (default: one for each core)" },
        Flag { name: "--runs", value: "N", help: "of how many runs to take the median, 1 to 1000 (default: 5)" },
        Flag {
            name: "--text",
            value: "FILE",
            help: "what the tokenizer reads (default: 16 MB made of this book's lines)",
        },
        Flag {
            name: "--plain",
            value: "",
            help: "a line for each measurement: name, value, unit; with --shape those of the model alone",
        },
    ],
    chapter: "docs/16-making-it-fast.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let request = Request::new(args)?;
        threads::set(request.n_threads);
        if cfg!(debug_assertions) {
            cli::note("[this build checks its arithmetic; for the full speed: cargo run --release --example bench]");
        }
        let mut report = Report { plain: request.plain, machine: None };
        report.header()?;
        // A single model, as plain lines, needs no limits.
        if !(request.plain && request.shape.is_some()) {
            measure_machine(&request, &mut report)?;
        }
        match &request.shape {
            Some(shape) => measure_model(&request, shape, &mut report),
            None => measure_everything(&request, &mut report),
        }
    })
}

/// What the command line asks for.
struct Request {
    shape: Option<Shape>,
    kind: Option<Precision>,
    n_threads: usize,
    n_runs: usize,
    text: Option<String>,
    plain: bool,
}

impl Request {
    fn new(args: &Args) -> Outcome<Request> {
        if args.has("--text") && args.has("--shape") {
            return Err(Failure::Usage("--shape measures a model alone, without the tokenizer of --text".to_string()));
        }
        let unknown = |name: &str| Failure::Usage(format!("--shape {name:?}: choose {}", shape::NAMES));
        let shape = |name: &str| Shape::named(name).ok_or_else(|| unknown(name));
        let number = |flag: &str, default: usize, largest: usize| match args.number(flag, default)? {
            n if args.has(flag) && !(1..=largest).contains(&n) => {
                Err(Failure::Usage(format!("{flag} must be from 1 to {largest}")))
            }
            n => Ok(n),
        };
        Ok(Request {
            shape: args.get("--shape").map(shape).transpose()?,
            kind: args.get("--weights").map(|_| args.precision()).transpose()?,
            n_threads: number("--threads", 0, 256)?, // 0: the library chooses
            n_runs: number("--runs", 5, 1000)?,
            text: args.get("--text").map(read_text).transpose()?,
            plain: args.has("--plain"),
        })
    }

    /// Whether weights of this kind are to be measured.
    fn wants(&self, kind: Precision) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
    }
}

/// The kinds of weights with which long prompts are read: those that the processor may have instructions for.
const READ_AS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

/// The name of a measurement. Those with f32 do not say so.
fn named(what: &str, kind: Precision, unit: &str) -> String {
    if kind == Precision::F32 { format!("{what}_{unit}") } else { format!("{what}_{kind}_{unit}") }
}

fn read_text(file: &str) -> Outcome<String> {
    Ok(gpt60::text_file::read(file)?)
}

// ---------------------------------------------------------------------------------------------------------------------
// What is measured, in order
// ---------------------------------------------------------------------------------------------------------------------

/// The machine's own speeds, which give the limits.
fn measure_machine(request: &Request, report: &mut Report) -> Outcome<()> {
    let memory = Memory::new();
    cli::note(&format!("[reading {} MB of memory]", memory.bytes() / 1_000_000));
    if memory.bytes() < 1 << 30 {
        cli::note("[less than 1 GB can be used for this: a large cache may make memory look faster than it is]");
    }
    let bandwidth = tasks::repeat(request.n_runs, || Ok(memory.read()))?;
    drop(memory);
    let peak = tasks::repeat(request.n_runs, || Ok(machine::multiply_adds(None)))?;
    let bf16 = tasks::repeat(request.n_runs, || Ok(machine::multiply_adds(Some(Short::Bf16))))?;
    let int8 = tasks::repeat(request.n_runs, || Ok(machine::multiply_adds(Some(Short::Int8))))?;
    report.best("bandwidth_gb_s", "reading memory, best", Unit::GigabytesPerSecond, &bandwidth)?;
    report.best("fma_gflop_s", "multiply-adds in registers, best", Unit::GigaflopsPerSecond, &peak)?;
    report.best("bf16_gflop_s", "the same, pairs of bf16, best", Unit::GigaflopsPerSecond, &bf16)?;
    report.best("int8_gop_s", "the same, bytes, best", Unit::GigaopsPerSecond, &int8)?;
    // What has no instruction of its own is multiplied as f32.
    let [bandwidth, f32, bf16, int8] = [&bandwidth, &peak, &bf16, &int8].map(|speeds| 1e9 * largest(speeds));
    let or_f32 = |short: f64| if short > 0.0 { short } else { f32 };
    report.machine = Some(Machine { bandwidth, f32, bf16: or_f32(bf16), int8: or_f32(int8) });
    Ok(())
}

/// Everything, with the 124M model.
fn measure_everything(request: &Request, report: &mut Report) -> Outcome<()> {
    let (m, k, n) = (512, 768, 3072);
    let operations = (2 * m * k * n) as f64;
    for kind in READ_AS {
        let times = tasks::matrix_product(request.n_runs, kind, m, k, n)?;
        let speeds: Vec<f64> = times.iter().map(|ms| operations / ms / 1e6).collect();
        let limit = report.machine.as_ref().map(|machine| machine.peak(kind) / 1e9);
        let (name, unit) = match kind {
            Precision::Int8 => ("matmul_int8_gop_s".to_string(), Unit::GigaopsPerSecond),
            kind => (named("matmul", kind, "gflop_s"), Unit::GigaflopsPerSecond),
        };
        report.line(&name, &format!("matmul 512x768 by 768x3072, {kind}"), unit, &speeds, limit)?;
    }

    let shape = |name| Shape::named(name).expect("there is such a shape");
    measure_model(request, &shape("124M"), report)?;
    for name in ["six", "four"] {
        measure_training(request, &shape(name), shape(name).model()?, report)?;
    }
    measure_tokenizer(request, report)
}

/// What one model does: writing, reading, learning, loading.
fn measure_model(request: &Request, shape: &Shape, report: &mut Report) -> Outcome<()> {
    let n_bytes = (shape.config.n_parameters() * size_of::<f32>()) as u64;
    // Twice its size: the loading task needs the bytes of its file in memory too.
    if let Some(free) = machine::free_memory().filter(|&free| free < 2 * n_bytes) {
        let problem = format!(
            "the {} model takes {} MB twice, and {} MB are free; choose a smaller --shape",
            shape.name,
            n_bytes / 1_000_000,
            free / 1_000_000
        );
        return Err(Failure::Failed(problem));
    }

    // For the last task, and made now: who cannot write there should not wait for the others first.
    let dir = tasks::TemporaryDir::new()?;
    cli::note(&format!("[writing with the {} model]", shape.name));
    let (n_prompt, n_decoded) = (tasks::N_PROMPT, tasks::n_decoded(shape));
    for kind in Precision::ALL.into_iter().filter(|&kind| request.wants(kind)) {
        let mut model = shape.model()?;
        model.pack(kind)?;
        let speeds = tasks::decode(request.n_runs, shape, &model)?;
        let limit = report.machine.as_ref().map(|machine| machine.bandwidth / bytes_per_token(&shape.config, kind));
        let what = format!("write {n_decoded} tokens after {n_prompt}, {kind}");
        report.line(&format!("decode_{kind}_tok_s"), &what, Unit::TokensPerSecond, &speeds, limit)?;
    }

    cli::note(&format!("[reading with the {} model]", shape.name));
    for kind in READ_AS.into_iter().filter(|&kind| request.wants(kind)) {
        let mut model = shape.model()?;
        model.pack(kind)?;
        let limit = |report: &Report, n_tok: usize, n_head_rows: usize| {
            report.arithmetic_ms(kind, forward_operations(&shape.config, n_tok, n_tok, n_head_rows))
        };
        let n = shape.config.n_ctx / 2;
        let times = tasks::prefill_last(request.n_runs, shape, &model, n)?;
        let name = named(&format!("prefill{n}_last"), kind, "ms");
        report.line(&name, &format!("read {n} tokens, last, {kind}"), Unit::Ms, &times, limit(report, n, 1))?;
        let n = shape.config.n_ctx;
        let times = tasks::prefill_all(request.n_runs, shape, &model, n)?;
        let name = named(&format!("prefill{n}_all"), kind, "ms");
        report.line(&name, &format!("read {n} tokens, all, {kind}"), Unit::Ms, &times, limit(report, n, n))?;
    }

    measure_training(request, shape, shape.model()?, report)?;

    cli::note("[loading: a file is written to the directory for temporary files, and removed]");
    let times = tasks::load(request.n_runs, shape, &dir)?;
    // The file's bytes must be read once in any case.
    let limit = report.machine.as_ref().map(|machine| 1e3 * n_bytes as f64 / machine.bandwidth);
    report.line("load_ms", &format!("load {}, first logits", shape.name), Unit::Ms, &times, limit)
}

fn measure_training(request: &Request, shape: &Shape, model: gpt60::Gpt2, report: &mut Report) -> Outcome<()> {
    cli::note(&format!("[training the {} model]", shape.name));
    for (kind, arithmetic) in [(Precision::F32, Arithmetic::F32), (Precision::Bf16, Arithmetic::Bf16)] {
        let Some(times) = tasks::training_step(request.n_runs, shape, model.clone(), arithmetic)? else {
            cli::note(&format!("[training the {} model needs more memory than is free; it is skipped]", shape.name));
            return Ok(());
        };
        let limit = report.arithmetic_ms(kind, training_operations(shape));
        let what = format!("train {}, {} x {} tokens, {kind}", shape.name, shape.n_sequences, shape.n_seq);
        report.line(&named(&format!("train_{}", shape.name), kind, "ms"), &what, Unit::Ms, &times, limit)?;
    }
    Ok(())
}

/// One thread, GPT-2's vocabulary. There is no limit to compare with.
fn measure_tokenizer(request: &Request, report: &mut Report) -> Outcome<()> {
    let made_up;
    let text = match &request.text {
        Some(text) => text,
        None => {
            made_up = text::made_up(16_000_000);
            &made_up
        }
    };
    let source =
        if request.text.is_some() { "--text" } else { "lines of this book in random order, one word in 64 made up" };
    cli::note(&format!("[encoding and decoding {:.1} MB: {source}]", text.len() as f64 / 1e6));
    threads::set(1);
    let (encode, decode) = tasks::tokenize(request.n_runs, text)?;
    threads::set(request.n_threads);
    report.line("encode_mb_s", "encode text, 1 thread", Unit::MegabytesPerSecond, &encode, None)?;
    report.line("decode_mb_s", "decode to bytes, 1 thread", Unit::MegabytesPerSecond, &decode, None)
}

// ---------------------------------------------------------------------------------------------------------------------
// What is printed
// ---------------------------------------------------------------------------------------------------------------------

/// The most that the machine can do, in bytes and operations a second.
struct Machine {
    bandwidth: f64,
    f32: f64,
    bf16: f64,
    int8: f64,
}

impl Machine {
    /// Operations a second in products of many rows with such weights. (Those of four bits are multiplied as bf16.)
    fn peak(&self, kind: Precision) -> f64 {
        match kind {
            Precision::F32 => self.f32,
            Precision::Int8 => self.int8,
            _ => self.bf16,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    GigabytesPerSecond,
    GigaflopsPerSecond,
    GigaopsPerSecond,
    MegabytesPerSecond,
    TokensPerSecond,
    Ms,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::GigabytesPerSecond => "GB/s",
            Unit::GigaflopsPerSecond => "GFLOP/s",
            Unit::GigaopsPerSecond => "Gop/s",
            Unit::MegabytesPerSecond => "MB/s",
            Unit::TokensPerSecond => "tok/s",
            Unit::Ms => "ms",
        }
    }
}

/// A table, or plain lines. A line is printed as soon as it is known.
struct Report {
    plain: bool,
    machine: Option<Machine>,
}

impl Report {
    /// Milliseconds for this many operations at the machine's peak for such numbers.
    fn arithmetic_ms(&self, kind: Precision, operations: f64) -> Option<f64> {
        self.machine.as_ref().map(|machine| 1e3 * operations / machine.peak(kind))
    }

    fn header(&self) -> Outcome<()> {
        let machine = format!("{}; threads: {}", machine::instructions(), threads::count());
        if self.plain {
            cli::note(&format!("[{machine}]"));
            return Ok(());
        }
        cli::print(&format!("{machine}\n\n"))?;
        let (what, median, spread, limit, percent) = ("", "median", "smallest .. largest", "limit", "of limit");
        cli::print(&format!("{what:<32} {median:>9}         {spread:>21} {limit:>10} {percent:>9}\n"))?;
        cli::flush()
    }

    /// The median of several runs, beside its limit if there is one.
    fn line(&self, name: &str, what: &str, unit: Unit, values: &[f64], limit: Option<f64>) -> Outcome<()> {
        self.show(name, what, unit, median(values), values, limit)
    }

    /// The best of several runs: a limit of the machine.
    fn best(&self, name: &str, what: &str, unit: Unit, values: &[f64]) -> Outcome<()> {
        self.show(name, what, unit, largest(values), values, None)
    }

    fn show(&self, name: &str, what: &str, unit: Unit, x: f64, values: &[f64], limit: Option<f64>) -> Outcome<()> {
        let unit_name = unit.name();
        if self.plain {
            cli::print(&format!("{name} {x:.2} {unit_name}\n"))?;
            return cli::flush();
        }
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let spread = format!("{} .. {}", rounded(smallest), rounded(largest(values)));
        // A higher speed is better; a shorter time is better.
        let percent = |limit: f64| 100.0 * if unit == Unit::Ms { limit / x } else { x / limit };
        let beside = limit.map_or(String::new(), |limit| format!("{:>10} {:>7.0} %", rounded(limit), percent(limit)));
        let line = format!("{what:<32} {:>9} {unit_name:<7} {spread:>21} {beside}", rounded(x));
        cli::print(&format!("{}\n", line.trim_end()))?;
        cli::flush()
    }
}

/// Rounds to the three or four digits that are certain.
fn rounded(x: f64) -> String {
    match x {
        0.0..10.0 => format!("{x:.2}"),
        10.0..1000.0 => format!("{x:.1}"),
        _ => format!("{x:.0}"),
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// The median: the middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0
}
