//! Running a function that may answer, panic, stop at `not_started()`, or never end. What ends the whole program is left to
//! `apart/`.

use super::answer::Answer;
use crate::apart::records::{is_child, note_piece, note_return, running_piece};
use crate::exercises::{NotStarted, parts};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long a probe may take, if nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `--patience` says.
static ASKED_PATIENCE: OnceLock<Duration> = OnceLock::new();

/// Changes how long a probe may take.
pub fn set_patience(patience: Duration) {
    let _ = ASKED_PATIENCE.set(patience);
}

/// How long a probe may take.
pub fn patience() -> Duration {
    *ASKED_PATIENCE.get_or_init(|| PATIENCE)
}

/// The outcome of one probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Answer(Answer),
    NotStarted,
    /// Where, and the message.
    Panic(String, String),
    /// Another thread that the function has started panicked: where, and the message.
    ThreadPanic(String, String),
    Endless,
}

thread_local! {
    /// The place and message of this thread's last panic.
    static LAST_PANIC: RefCell<(String, String)> = RefCell::default();
    /// Whether this thread runs a probe, whose panics are kept and not printed.
    static QUIET: RefCell<bool> = const { RefCell::new(false) };
}

/// The place and message of the first panic in a thread that the learner's function has started.
static THREAD_PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

fn take_thread_panic() -> Option<(String, String)> {
    THREAD_PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
}

/// Makes panics of probes silent: their place and message become part of the verdict.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_probe = QUIET.with_borrow(|quiet| *quiet);
            let is_main = thread::current().name() == Some("main");
            if !is_probe && (is_main || !is_child()) {
                return usual(info);
            }
            let place = info.location().map_or(String::new(), |l| format!("{}:{}:{}", l.file(), l.line(), l.column()));
            let place = place.replace("tests/exercises/../../", ""); // the stubs are included from there
            let panic = (place, message_of(info.payload()));
            if is_probe {
                LAST_PANIC.set(panic);
            } else {
                THREAD_PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(panic);
            }
        }));
    });
}

fn message_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_string())
}

/// Runs the function on every input, in a separate thread that can be abandoned: an endless loop cannot be stopped.
/// After one, the remaining probes are not tried. `note` is told before each call which input it is.
pub fn run_all<I: Send + Sync + 'static>(
    inputs: &Arc<Vec<I>>,
    function: fn(&I) -> Answer,
    note: fn(usize),
) -> Vec<(Outcome, Option<String>)> {
    keep_panics();
    let watcher = parts::Watcher { enters: note_piece, returns: note_return };
    let (sender, receiver) = mpsc::channel();
    let (n, inputs) = (inputs.len(), inputs.clone());
    thread::spawn(move || {
        QUIET.set(true);
        for (i, input) in inputs.iter().enumerate() {
            note(i);
            let (result, piece) = parts::watch(watcher, || catch_unwind(AssertUnwindSafe(|| function(input))));
            if is_child() && i + 1 == inputs.len() {
                await_threads();
            }
            let outcome = match result {
                Ok(answer) => Outcome::Answer(answer),
                Err(payload) if payload.is::<NotStarted>() => Outcome::NotStarted,
                Err(_) => LAST_PANIC.with_borrow(|(place, message)| Outcome::Panic(place.clone(), message.clone())),
            };
            let outcome = match take_thread_panic() {
                Some((place, message)) => Outcome::ThreadPanic(place, message),
                None => outcome,
            };
            if sender.send((outcome, piece)).is_err() {
                return;
            }
        }
    });
    let mut outcomes = Vec::new();
    while outcomes.len() < n {
        match receiver.recv_timeout(patience()) {
            Ok(outcome) => outcomes.push(outcome),
            Err(_) => {
                outcomes.push((Outcome::Endless, running_piece(patience() / 2)));
                break;
            }
        }
    }
    outcomes
}

/// Waits until only the main thread and this one are left, or for a second: a thread that nobody waits for may still panic.
/// Where the system does not say how many threads there are, it waits for none.
fn await_threads() {
    let n_threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let start = Instant::now();
    while n_threads() > 2 && start.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(1));
    }
}
