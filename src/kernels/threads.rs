//! Many hands: splitting work among the processor's cores.
//!
//! The work is a list of tasks that do not depend on each other. Each thread takes the next task from the list until none
//! is left. A task owns the part of the output that it writes (a `&mut` slice), so the compiler itself proves that no two
//! threads write to the same place.
//!
//! Threads are started for each piece of work and end with it ([`std::thread::scope`]). That costs some 20 microseconds,
//! so it is done only where the work takes much longer; a pool of waiting threads would cost less. A production program
//! would use the `rayon` crate.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// The number of threads that was set; 0 means "not set".
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

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
/// says; else as many as the machine has cores.
pub fn count() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    if IN_TASK.get() {
        return 1;
    }
    match CHOSEN.load(Ordering::Relaxed) {
        0 => *DEFAULT.get_or_init(|| {
            let wish = std::env::var("GPT60_THREADS").ok().and_then(|text| text.trim().parse().ok());
            let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
            wish.filter(|&n| n > 0).unwrap_or_else(cores).min(256)
        }),
        chosen => chosen,
    }
}

/// Splits work among `n` threads from now on; 0 goes back to the default. Results do not depend on it, only the time does.
pub fn set(n: usize) {
    CHOSEN.store(n.min(256), Ordering::Relaxed);
}

/// Calls `work` on every task, on several threads if there are several tasks. Returns when all are done.
///
/// # Panics
///
/// If `work` panics on any task; the other threads finish first.
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
    // The lock is held only while a task is taken; a panic inside `work` cannot poison it.
    let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let take_all = || {
        while let Some(task) = next() {
            let _guard = InTask::begin();
            work(task);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(take_all);
        }
        take_all();
    });
}

/// Into how many runs to cut work for `n_threads`: up to four for each thread, so that a thread whose core is shared with
/// another program does not keep the others waiting. More than `limit` only if there would not be one for each thread.
pub fn n_runs(limit: usize, n_threads: usize) -> usize {
    if n_threads == 1 { 1 } else { n_threads * (limit / n_threads).clamp(1, 4) }
}

/// Splits `data`, rows of `row_len` numbers, into runs of whole rows, which the threads share, and calls
/// `work(first_row, rows)` on each. `cost` says how many basic operations a number takes, roughly: small work stays on
/// this thread.
pub fn each_rows(data: &mut [f32], row_len: usize, cost: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if data.is_empty() || row_len == 0 {
        return;
    }
    let n_rows = data.len() / row_len;
    let n_threads = if data.len().saturating_mul(cost) < WORTH_A_THREAD { 1 } else { count() };
    let rows_each = n_rows.div_ceil(n_runs(n_rows / 16, n_threads));
    let runs = data.chunks_mut(rows_each * row_len).enumerate().collect();
    each(runs, |(i, run): (usize, &mut [f32])| work(i * rows_each, run));
}

/// Work below about this many multiplications is done before another thread has even started.
pub const WORTH_A_THREAD: usize = 1 << 22;

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
