//! Running a function that may do anything: answer, panic, stop at `not_started()`, or never end.

use super::answer::Answer;
use crate::exercises::{NotStarted, parts};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Arc, Once};
use std::time::Duration;

/// How long a probe may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of one probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Answer(Answer),
    NotStarted,
    /// Where, and the message.
    Panic(String, String),
    Endless,
}

thread_local! {
    /// The place and message of this thread's last panic.
    static LAST_PANIC: RefCell<(String, String)> = RefCell::default();
    /// Whether this thread runs a probe, whose panics are kept and not printed.
    static QUIET: RefCell<bool> = const { RefCell::new(false) };
}

/// Makes panics of probes silent: their place and message become part of the verdict.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.with_borrow(|quiet| *quiet) {
                return usual(info);
            }
            let place = info.location().map_or(String::new(), |l| format!("{}:{}:{}", l.file(), l.line(), l.column()));
            let place = place.replace("tests/exercises/../../", ""); // the stubs are included from there
            LAST_PANIC.set((place, message_of(info.payload())));
        }));
    });
}

fn message_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_string())
}

/// Runs the function on every input, in a separate thread that can be abandoned: an endless loop cannot be stopped.
/// After one, the remaining probes are not tried.
pub fn run_all<I: Send + Sync + 'static>(
    inputs: &Arc<Vec<I>>,
    function: fn(&I) -> Answer,
) -> Vec<(Outcome, Option<String>)> {
    keep_panics();
    let (sender, receiver) = mpsc::channel();
    let (n, inputs) = (inputs.len(), inputs.clone());
    std::thread::spawn(move || {
        QUIET.set(true);
        for input in inputs.iter() {
            let (result, piece) = parts::watch(|| catch_unwind(AssertUnwindSafe(|| function(input))));
            let outcome = match result {
                Ok(answer) => Outcome::Answer(answer),
                Err(payload) if payload.is::<NotStarted>() => Outcome::NotStarted,
                Err(_) => LAST_PANIC.with_borrow(|(place, message)| Outcome::Panic(place.clone(), message.clone())),
            };
            if sender.send((outcome, piece)).is_err() {
                return;
            }
        }
    });
    let mut outcomes = Vec::new();
    while outcomes.len() < n {
        match receiver.recv_timeout(PATIENCE) {
            Ok(outcome) => outcomes.push(outcome),
            Err(_) => {
                outcomes.push((Outcome::Endless, None));
                break;
            }
        }
    }
    outcomes
}
