//! How a piece of a larger exercise is picked, the learner's or the library's, and watched.

use super::{NotStarted, adamw};
use gpt60::close::relative_difference;
use gpt60::layers::linear::Linear;
use gpt60::{Result, Tensor};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What to do with the pieces that are called.
#[derive(Debug, Clone, Default)]
enum Mode {
    /// Pick, and nothing else.
    #[default]
    Pick,
    /// Compare each with the library's, and keep the name of the first one that differs.
    Watch(Option<String>),
    /// Use no piece of the library, and keep the names of the missing ones.
    Strict(Vec<String>),
    /// Use all that the learner has, and keep account of whose each piece is.
    Fill(Account),
}

/// Whose pieces were called.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The learner's.
    pub own: Vec<&'static str>,
    /// The library's, because these are not begun.
    pub library: Vec<&'static str>,
    /// Of the learner's those that gave something else than the library does, and not because of a piece inside them.
    pub wrong: Vec<&'static str>,
    /// How many calls of the learner's pieces gave something else.
    n_differ: usize,
}

impl Account {
    fn is_missing(&self, name: &str) -> bool {
        self.library.contains(&name)
    }

    /// The learner's piece was called; `n_before` is what `n_differ` was before.
    fn note_own(&mut self, name: &'static str, is_close: bool, n_before: usize) {
        if !self.own.contains(&name) {
            self.own.push(name);
        }
        if !is_close && self.n_differ == n_before && !self.wrong.contains(&name) {
            self.wrong.push(name);
        }
        self.n_differ += usize::from(!is_close);
    }
}

thread_local! {
    static MODE: RefCell<Mode> = RefCell::default();
    /// Told the name of each piece before it is called: it may never return.
    static ENTERING: Cell<Option<Watcher>> = const { Cell::new(None) };
}

/// Who is told of each piece that is called.
#[derive(Clone, Copy)]
pub struct Watcher {
    /// It is about to be called.
    pub enters: fn(&'static str),
    /// The piece that was called last, of those that are not back, is back.
    pub returns: fn(),
}

/// Compares the pieces that `work` calls with the library's: its result, and the name of the first piece that differs.
/// `watcher` is told the name of each piece before it is called, and when it is back.
pub fn watch<T>(watcher: Watcher, work: impl FnOnce() -> T) -> (T, Option<String>) {
    MODE.set(Mode::Watch(None));
    ENTERING.set(Some(watcher));
    let result = work();
    ENTERING.set(None);
    match MODE.take() {
        Mode::Watch(first) => (result, first),
        _ => (result, None),
    }
}

/// Records which pieces `work` calls that have not been begun (it uses the library's instead): its result, and their
/// names.
pub fn strict<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    MODE.set(Mode::Strict(Vec::new()));
    let result = work();
    match MODE.take() {
        Mode::Strict(missing) => (result, missing),
        _ => (result, Vec::new()),
    }
}

/// Fills what `work` needs and nobody has begun: its result, and whose its pieces are.
pub fn fill<T>(work: impl FnOnce() -> T) -> (T, Account) {
    MODE.set(Mode::Fill(Account::default()));
    let result = work();
    match MODE.take() {
        Mode::Fill(account) => (result, account),
        _ => (result, Account::default()),
    }
}

/// A piece: the learner's if it is begun, else the library's.
pub fn piece<T: Comparable>(name: &'static str, own: impl Fn() -> T, library: impl Fn() -> T) -> T {
    composite(name, own, &library, &library)
}

/// A piece that is made of others. Where gaps are filled, those of its own pieces that are begun are used.
pub fn composite<T: Comparable>(
    name: &'static str,
    own: impl Fn() -> T,
    filled: impl Fn() -> T,
    library: impl Fn() -> T,
) -> T {
    let found = with_account(|account| (account.is_missing(name), account.n_differ));
    match found {
        None => pick(name, own, library),
        Some((true, _)) => filled(),
        Some((false, n_before)) => match catch_unwind(AssertUnwindSafe(own)) {
            Ok(result) => {
                let is_close = result.is_close(&library());
                with_account(|account| account.note_own(name, is_close, n_before));
                result
            }
            Err(payload) if payload.is::<NotStarted>() => {
                with_account(|account| account.library.push(name));
                filled()
            }
            Err(payload) => resume_unwind(payload),
        },
    }
}

/// Does something with the account, if one is kept.
fn with_account<T>(work: impl FnOnce(&mut Account) -> T) -> Option<T> {
    MODE.with_borrow_mut(|mode| match mode {
        Mode::Fill(account) => Some(work(account)),
        _ => None,
    })
}

/// The learner's piece if it is begun, else the library's.
fn pick<T: Comparable>(name: &'static str, own: impl Fn() -> T, library: impl Fn() -> T) -> T {
    let watcher = ENTERING.get();
    if let Some(watcher) = watcher {
        (watcher.enters)(name);
    }
    let result = catch_unwind(AssertUnwindSafe(own));
    if let Some(watcher) = watcher {
        (watcher.returns)();
    }
    let result = match result {
        Ok(result) => result,
        Err(payload) if payload.is::<NotStarted>() => {
            MODE.with_borrow_mut(|mode| match mode {
                Mode::Strict(missing) if !missing.iter().any(|known| known == name) => missing.push(name.to_string()),
                _ => {}
            });
            return library();
        }
        Err(payload) => resume_unwind(payload),
    };
    // Only the first piece that differs matters: later ones may be wrong because of it.
    if MODE.with_borrow(|mode| matches!(mode, Mode::Watch(None))) && !result.is_close(&library()) {
        MODE.with_borrow_mut(|mode| match mode {
            // A piece inside this one was asked before it, and was right.
            Mode::Watch(first) if first.is_none() => *first = Some(name.to_string()),
            _ => {}
        });
    }
    result
}

/// Results that can be compared, up to rounding.
pub trait Comparable {
    fn is_close(&self, other: &Self) -> bool;
}

impl Comparable for Tensor {
    fn is_close(&self, other: &Tensor) -> bool {
        relative_difference((self.shape(), self.data()), (other.shape(), other.data())).is_ok_and(|d| d < 1e-4)
    }
}

impl Comparable for f32 {
    fn is_close(&self, other: &f32) -> bool {
        (self - other).abs() <= 1e-5 * other.abs().max(1.0) || (self.is_nan() && other.is_nan()) || self == other
    }
}

impl Comparable for Vec<u32> {
    fn is_close(&self, other: &Vec<u32>) -> bool {
        self == other
    }
}

impl<T: Comparable> Comparable for Result<T> {
    fn is_close(&self, other: &Result<T>) -> bool {
        match (self, other) {
            (Ok(a), Ok(b)) => a.is_close(b),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }
}

impl Comparable for Vec<f32> {
    fn is_close(&self, other: &Vec<f32>) -> bool {
        relative_difference((&[self.len()], self), (&[other.len()], other)).is_ok_and(|d| d < 1e-4)
    }
}

impl Comparable for Linear {
    fn is_close(&self, other: &Linear) -> bool {
        match (self.weight.tensor(), other.weight.tensor()) {
            (Ok(a), Ok(b)) => a.is_close(b) && self.bias.is_close(&other.bias),
            _ => false,
        }
    }
}

impl Comparable for adamw::AdamW {
    fn is_close(&self, other: &adamw::AdamW) -> bool {
        self.step == other.step && self.m.is_close(&other.m) && self.v.is_close(&other.v)
    }
}

impl<A: Comparable, B: Comparable> Comparable for (A, B) {
    fn is_close(&self, other: &(A, B)) -> bool {
        self.0.is_close(&other.0) && self.1.is_close(&other.1)
    }
}
