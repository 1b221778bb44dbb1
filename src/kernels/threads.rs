//! Many hands: splitting work among the processor's cores.
//!
//! The work is a list of tasks that do not depend on each other. Each thread takes the next task from the list until none is
//! left, so a slow core does fewer of them and nobody waits for it for long. A task owns the part of the output that it writes (a `&mut` slice), so the compiler itself proves that no two
//! threads write to the same place.
//!
//! Starting a thread takes some 20 microseconds, and writing one token hands work over about a hundred times. So the threads
//! are started once, in a *pool*, and wait for work. How they wait matters as much:
//!
//! * **They spin before they sleep.** A sleeping thread has to be woken by the operating system, which takes long and often
//!   puts it on the very core on which the caller is busy: then two threads are slower than one. So a thread that has
//!   nothing to do asks again and again for a fifth of a millisecond whether there is work, and only then goes to sleep.
//!   Between two layers work comes long before that.
//! * **Nobody waits for a sleeper.** The caller works too. When the list is empty it closes the job, and waits only for
//!   threads that have taken a task.
//!
//! A production program would use the `rayon` crate.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

#![allow(unsafe_code)] // one idea: a job that is lent to the workers, see `Job`

use super::arithmetic::{self, within};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The number of threads that was set; 0 means "not set".
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// No more threads than this are ever started.
const MOST_THREADS: usize = 256;

thread_local! {
    /// Whether this thread is working on a task. Work inside a task is not split again: all hands are busy already.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as busy with a task until it is dropped, which happens even if the task panics.
struct InTask;

impl InTask {
    fn begin() -> InTask {
        IN_TASK.set(true);
        InTask
    }
}

impl Drop for InTask {
    fn drop(&mut self) {
        IN_TASK.set(false);
    }
}

/// How many threads large work is split among.
///
/// Inside a task of [`each`]: one. Otherwise what [`set`] chose; else what the environment variable `GPT60_THREADS`
/// says, a number from 1 to 256; else one for each core of the machine.
pub fn count() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    if IN_TASK.get() {
        return 1;
    }
    match CHOSEN.load(Ordering::Relaxed) {
        0 => *DEFAULT.get_or_init(|| {
            let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
            super::said_by(VARIABLE).and_then(|text| number(&text)).unwrap_or_else(cores).min(MOST_THREADS)
        }),
        chosen => chosen,
    }
}

/// The environment variable.
const VARIABLE: &str = "GPT60_THREADS";

/// A number of threads: 1 or more.
fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&n| n > 0)
}

/// What is wrong with the environment variable `GPT60_THREADS`, and what happens instead; `None` if it is obeyed or not
/// set.
pub(super) fn unheeded() -> Option<String> {
    let text = super::said_by(VARIABLE)?;
    let instead = match number(&text) {
        Some(n) if n <= MOST_THREADS => return None,
        Some(_) => format!("{MOST_THREADS} threads"),
        None => "one thread for each core".to_string(),
    };
    Some(format!("{VARIABLE} is {text:?}, and not a number from 1 to {MOST_THREADS}: there will be {instead}"))
}

/// Sets the number of threads for the whole program; 0 goes back to the default. Only the time depends on it, never a result.
pub fn set(n: usize) {
    CHOSEN.store(n.min(MOST_THREADS), Ordering::Relaxed);
}

/// Calls `work` on every task, on several threads if there are several tasks. Returns when all are done.
///
/// If the pool is at work for another caller, this one does all of it alone rather than wait.
///
/// # Panics
///
/// If `work` panics on a task: the panic goes on here, when all that was begun has ended. The pool is as good as before.
///
/// # Example: double two halves of a list at the same time
///
/// ```
/// use gpt60::kernels::threads;
///
/// let mut numbers = [1, 2, 3, 4];
/// threads::each(numbers.chunks_mut(2).collect(), |half| {
///     for x in half {
///         *x *= 2;
///     }
/// });
/// assert_eq!(numbers, [2, 4, 6, 8]);
/// ```
pub fn each<T: Send>(tasks: Vec<T>, work: impl Fn(T) + Sync) {
    let n_threads = count().min(tasks.len());
    if n_threads <= 1 {
        tasks.into_iter().for_each(work);
        return;
    }
    let queue = Mutex::new(tasks.into_iter());
    let arithmetic = arithmetic::current();
    let panic: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
    // What each of the threads does. The lock is held only while a task is taken.
    let take_all = || {
        let taken = catch_unwind(AssertUnwindSafe(|| {
            let _guard = InTask::begin();
            let next = || lock(&queue).next();
            // A helper multiplies as the one whom it helps.
            within(arithmetic, || {
                while let Some(task) = next() {
                    work(task);
                }
            });
        }));
        if let Err(what) = taken {
            let mut first = lock(&panic);
            if first.is_none() {
                *first = Some(what);
            } else {
                // What a panic carries may panic again when it is dropped, and that would end this worker.
                std::mem::forget(what);
            }
        }
    };
    let turn = match pool().turn.try_lock() {
        Ok(turn) => Some(turn),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()), // as in `lock`
        Err(TryLockError::WouldBlock) => None,
    };
    match turn {
        Some(_turn) => pool().run(&take_all, n_threads - 1),
        None => take_all(),
    }
    // A thread that panicked took no further task, and the others may all have panicked too.
    let what = lock(&panic).take();
    if let Some(what) = what {
        resume_unwind(what);
    }
}

/// Locks, whether or not someone panicked while holding the lock: nothing here is left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// ---------------------------------------------------------------------------------------------------------------------
// The pool
// ---------------------------------------------------------------------------------------------------------------------

/// The threads that wait for work, and what they share with the caller.
struct Pool {
    /// Held by the caller whose job the pool is doing.
    turn: Mutex<()>,
    state: Mutex<State>,
    /// How many jobs there have been: what a waiting worker watches.
    n_jobs: AtomicUsize,
    /// How many workers are inside the job: what the waiting caller watches. Changed only under the lock of `state`.
    n_inside: AtomicUsize,
    /// Where workers sleep until there is a job.
    work: Condvar,
    /// Where the caller sleeps until no worker is inside.
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// What to call, while the job is open.
    job: Option<Job>,
    /// How many more workers may join it.
    n_wanted: usize,
    n_workers: usize,
}

/// A function that stays alive until every worker has returned from it: [`Close`] sees to that.
///
/// The pointer leads to a `&(dyn Fn() + Sync)`. It does not say so, because that type would have to name the time for which
/// the function lives, and the workers, which live forever, cannot name it.
#[derive(Clone, Copy)]
struct Job(*const ());

// SAFETY: the function is `Sync`, so any thread may call it; and the pointer alone does nothing. That the function is still
// alive has to be shown where it is called.
unsafe impl Send for Job {}

/// How long to ask again and again before going to sleep.
const SPIN: Duration = Duration::from_micros(200);

fn pool() -> &'static Pool {
    static POOL: Pool = Pool {
        turn: Mutex::new(()),
        state: Mutex::new(State { job: None, n_wanted: 0, n_workers: 0 }),
        n_jobs: AtomicUsize::new(0),
        n_inside: AtomicUsize::new(0),
        work: Condvar::new(),
        done: Condvar::new(),
    };
    &POOL
}

impl Pool {
    /// Calls `job` on this thread and on up to `n_helpers` others at the same time; returns when every call has returned.
    fn run(&'static self, job: &(dyn Fn() + Sync), n_helpers: usize) {
        let _close = Close(self); // before the job is open, so that it is closed however this function is left
        let mut state = lock(&self.state);
        while state.n_workers < n_helpers {
            let worker = std::thread::Builder::new().name("gpt60 worker".to_string());
            if worker.spawn(|| self.work()).is_err() {
                break; // the system has no more threads: fewer hands do the same work
            }
            state.n_workers += 1;
        }
        state.job = Some(Job((&raw const job).cast()));
        state.n_wanted = n_helpers;
        self.n_jobs.fetch_add(1, Ordering::Release);
        drop(state);
        self.work.notify_all(); // costs next to nothing if nobody sleeps

        job();
    }

    /// The life of a worker.
    fn work(&self) {
        let mut n_seen = 0;
        loop {
            let is_new = || self.n_jobs.load(Ordering::Acquire) != n_seen;
            if !spin_until(is_new) {
                let mut state = lock(&self.state);
                while !is_new() {
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
            let mut state = lock(&self.state);
            n_seen = self.n_jobs.load(Ordering::Acquire);
            let Some(job) = state.job.filter(|_| state.n_wanted > 0) else {
                continue; // the job is closed already, or has enough workers
            };
            state.n_wanted -= 1;
            let inside = Inside::enter(self);
            drop(state);

            // SAFETY: `Pool::run` made the pointer from a variable of this type, and does not end before its `Close` has
            // ended. That empties `state.job` and then waits until nobody is inside. The job was still there, and we
            // entered under the same lock: so it waits for us, and the function is alive until `inside` is dropped.
            let job = unsafe { *job.0.cast::<&(dyn Fn() + Sync)>() };
            job();
            drop(inside);
        }
    }
}

/// Closes the job when it is dropped, at the end of [`Pool::run`] or while a panic unwinds: no worker can begin it any more,
/// and those that have begun have returned from it.
struct Close<'a>(&'a Pool);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        let Close(pool) = self;
        lock(&pool.state).job = None;
        let is_empty = || pool.n_inside.load(Ordering::Acquire) == 0;
        if !spin_until(is_empty) {
            let mut state = lock(&pool.state);
            while !is_empty() {
                state = pool.done.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// A worker is inside the job until this is dropped.
struct Inside<'a>(&'a Pool);

impl Inside<'_> {
    /// To be called under the lock of the pool's state.
    fn enter(pool: &Pool) -> Inside<'_> {
        pool.n_inside.fetch_add(1, Ordering::Relaxed);
        Inside(pool)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let Inside(pool) = self;
        let _state = lock(&pool.state);
        if pool.n_inside.fetch_sub(1, Ordering::Release) == 1 {
            pool.done.notify_one();
        }
    }
}

/// Asks again and again for a moment whether something has come true; answers whether it has.
///
/// Now and then it offers its core to others: there may be more threads than cores.
fn spin_until(is_true: impl Fn() -> bool) -> bool {
    let mut start = None;
    loop {
        for _ in 0..100 {
            if is_true() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.get_or_insert_with(Instant::now).elapsed() > SPIN {
            return false;
        }
        std::thread::yield_now();
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Cutting work into tasks
// ---------------------------------------------------------------------------------------------------------------------

/// Into how many runs to cut work for `n_threads`: up to four for each thread, so that a thread whose core is shared with
/// another program does not keep the others waiting. More than `limit` only if there would not be one for each thread.
pub(crate) fn n_runs(limit: usize, n_threads: usize) -> usize {
    if n_threads == 1 { 1 } else { n_threads * (limit / n_threads).clamp(1, 4) }
}

/// Splits `data`, rows of `row_len` numbers, into runs of whole rows, which the threads share, and calls
/// `work(first_row, rows)` on each. `cost` says how many basic operations a number takes, roughly: small work stays on
/// this thread.
pub(crate) fn each_rows(data: &mut [f32], row_len: usize, cost: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if data.is_empty() || row_len == 0 {
        return;
    }
    let n_rows = data.len() / row_len;
    let n_threads = if data.len().saturating_mul(cost) < WORTH_A_THREAD { 1 } else { count() };
    let rows_each = n_rows.div_ceil(n_runs(n_rows / 16, n_threads));
    let runs = data.chunks_mut(rows_each * row_len).enumerate().collect();
    each(runs, |(i, run): (usize, &mut [f32])| work(i * rows_each, run));
}

/// [`each`] if the work is worth it: little work is done before another thread has even begun, so then the caller does all.
pub(crate) fn each_if<T: Send>(is_worth_it: bool, tasks: Vec<T>, work: impl Fn(T) + Sync) {
    if is_worth_it {
        each(tasks, work);
    } else {
        tasks.into_iter().for_each(work);
    }
}

/// Work below about this many multiplications takes no longer than handing it over.
#[doc(hidden)] // public for tests that must know whether their work is shared
pub const WORTH_A_THREAD: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once() {
        let mut done = vec![0; 1000];
        each(done.iter_mut().collect(), |x| *x += 1);
        assert!(done.iter().all(|&x| x == 1));
    }

    #[test]
    fn no_task_is_no_work() {
        each(Vec::<usize>::new(), |_| panic!("there is no task"));
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller() {
        let caught = std::panic::catch_unwind(|| each(vec![1, 2, 3, 4], |x| assert_ne!(x, 3)));
        assert!(caught.is_err());
    }

    #[test]
    fn a_job_that_panics_on_the_callers_thread_is_left_by_every_worker_before_the_panic_goes_on() {
        use std::sync::atomic::AtomicBool;
        // A job that catches nothing, which `each` never hands over: the pool must not depend on that.
        let (caller, began, ended) = (std::thread::current().id(), AtomicBool::new(false), AtomicBool::new(false));
        let caught = std::panic::catch_unwind(|| {
            let _turn = lock(&pool().turn);
            let job = || {
                if std::thread::current().id() == caller {
                    while !began.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                    resume_unwind(Box::new("caller"));
                }
                began.store(true, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
                ended.store(true, Ordering::Relaxed);
            };
            pool().run(&job, 1);
        });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"caller"));
        assert!(ended.load(Ordering::Relaxed), "a worker is still inside");
        every_task_is_done_once(); // the poisoned turn included
    }

    #[test]
    fn rows_arrive_whole_and_numbered() {
        let mut data = vec![0.0; 7 * 3];
        each_rows(&mut data, 3, WORTH_A_THREAD, |first, rows| {
            for (i, row) in rows.chunks_mut(3).enumerate() {
                row.fill((first + i) as f32);
            }
        });
        let expected: Vec<f32> = (0..21).map(|i| (i / 3) as f32).collect();
        assert_eq!(data, expected);
    }
}
