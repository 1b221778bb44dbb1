//! The threads' pool under load: many hand-overs, panics, several callers, work inside work.
//!
//! A mistake in such code shows once in many thousand times. That is why work is handed over a million times here.

use gpt60::kernels::threads;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::{Barrier, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// How many tasks a hand-over has at most.
const MOST_TASKS: usize = 9;

/// Does `work` while no other test of this program runs: the number of threads is shared by the whole program. Work
/// that does not end is a failure too.
fn alone(work: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, receiver) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let _sender = sender; // dropped when the work has ended, in any way
        work();
        threads::set(0);
    });
    let ended = receiver.recv_timeout(Duration::from_secs(300));
    assert_eq!(ended, Err::<(), _>(mpsc::RecvTimeoutError::Disconnected), "after five minutes it is still not done");
    worker.join().unwrap_or_else(|what| resume_unwind(what));
}

/// Hands over some tasks, and checks that each was done once. Every 16th time one of them panics.
fn hand_over(round: usize) {
    let n_tasks = 1 + round % MOST_TASKS;
    let panics_at = (round % 16 == 5).then_some(round / 16 % n_tasks);
    // Plain numbers, not atomic ones: that they are visible here is part of the promise.
    let mut done = [0u8; MOST_TASKS];
    let tasks = done[..n_tasks].iter_mut().enumerate().collect();
    let result = catch_unwind(AssertUnwindSafe(|| {
        threads::each(tasks, |(i, done): (usize, &mut u8)| {
            *done += 1;
            if panics_at == Some(i) {
                resume_unwind(Box::new(round)); // a panic that prints nothing
            }
        });
    }));
    assert!(done[n_tasks..].iter().all(|&n| n == 0));
    match (panics_at, result) {
        (None, Ok(())) => assert!(done[..n_tasks].iter().all(|&n| n == 1), "round {round}: {done:?}"),
        (Some(i), Err(what)) => {
            assert_eq!(what.downcast_ref(), Some(&round));
            assert!(done[i] == 1 && done.iter().all(|&n| n <= 1), "round {round}: {done:?}");
        }
        (panics_at, result) => panic!("round {round}: {panics_at:?}, but {result:?}"),
    }
}

#[test]
fn every_task_is_done_once_however_often_work_is_handed_over() {
    alone(|| {
        let n = 600_000;
        for n_threads in 1..=8 {
            threads::set(n_threads);
            (0..n / 8).for_each(hand_over);
        }
    });
}

#[test]
fn several_callers_at_the_same_time_do_all_their_work() {
    alone(|| {
        let n = 300_000;
        for n_threads in [2, 3, 5, 8] {
            threads::set(n_threads);
            std::thread::scope(|scope| {
                for caller in 0..3 {
                    scope.spawn(move || (0..n / 4 / 3).for_each(|round| hand_over(round + caller)));
                }
            });
        }
    });
}

#[test]
fn work_inside_work_stays_on_its_thread_and_is_done_once() {
    alone(|| {
        let n = 100_000;
        for n_threads in [2, 3, 5, 8] {
            threads::set(n_threads);
            for _ in 0..n / 4 {
                let mut done = [[0u8; 3]; 4];
                threads::each(done.iter_mut().collect(), |inner: &mut [u8; 3]| {
                    assert_eq!(threads::count(), 1);
                    let own = std::thread::current().id();
                    threads::each(inner.iter_mut().collect(), |done: &mut u8| {
                        assert_eq!(std::thread::current().id(), own);
                        *done += 1;
                    });
                });
                assert_eq!(done, [[1; 3]; 4]);
                assert_eq!(threads::count(), n_threads);
            }
        }
    });
}

#[test]
fn a_panic_in_inner_work_reaches_the_outer_caller() {
    alone(|| {
        threads::set(3);
        for round in 0..1000 {
            let result = catch_unwind(|| {
                threads::each(vec![0, 1, 2, 3], |i| {
                    threads::each(vec![0, 1], |j| {
                        if (i, j) == (2, 1) {
                            resume_unwind(Box::new("inner"));
                        }
                    });
                });
            });
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&"inner"));
            hand_over(16 * round); // and the pool works as before
        }
    });
}

/// The worst that a panic can carry: it panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            resume_unwind(Box::new("bang"));
        }
    }
}

#[test]
fn panics_that_panic_when_dropped_do_not_end_a_call_early() {
    alone(|| {
        for n_threads in [2, 3, 8] {
            threads::set(n_threads);
            for round in 0..300 {
                // All threads are in a task at the same time, so every one of them panics.
                let all_here = Barrier::new(n_threads);
                let mut done = vec![0; n_threads];
                let result = catch_unwind(AssertUnwindSafe(|| {
                    threads::each(done.iter_mut().enumerate().collect(), |(i, done): (usize, &mut i32)| {
                        all_here.wait();
                        if (i + round) % 2 == 0 {
                            std::thread::sleep(Duration::from_micros(100)); // some panic first
                        }
                        *done += 1;
                        resume_unwind(Box::new(Bomb));
                    });
                }));
                // One of the bombs is handed on.
                let what = result.unwrap_err();
                assert!(what.is::<Bomb>());
                std::mem::forget(what);
                assert_eq!(done, vec![1; n_threads]);
                hand_over(16 * round);
            }
        }
    });
}

#[test]
fn work_can_be_handed_over_while_a_panic_unwinds() {
    struct WorksWhenDropped<'a>(&'a mut [u8]);
    impl Drop for WorksWhenDropped<'_> {
        fn drop(&mut self) {
            threads::each(self.0.iter_mut().collect(), |done: &mut u8| *done += 1);
        }
    }
    alone(|| {
        threads::set(3);
        for round in 0..1000 {
            let mut done = [0; 5];
            let result = catch_unwind(AssertUnwindSafe(|| {
                let _last = WorksWhenDropped(&mut done);
                resume_unwind(Box::new(round));
            }));
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&round));
            assert_eq!(done, [1; 5]);
            hand_over(16 * round);
        }
    });
}

#[test]
fn where_no_thread_can_be_started_the_caller_does_all_the_work() {
    // In a process of its own, where every new thread asks for a stack of 64 TB and does not get it.
    const NAME: &str = "where_no_thread_can_be_started_the_caller_does_all_the_work";
    const STACK: &str = "RUST_MIN_STACK";
    let huge = (1u64 << 46).to_string();
    if std::env::var(STACK).as_deref() != Ok(&huge) {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let output = program.args([NAME, "--exact", "--test-threads=1"]).env(STACK, huge).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}{output:?}");
        return;
    }
    if std::thread::Builder::new().spawn(|| ()).is_ok() {
        // Not with `eprintln!`, which the test runner captures.
        let _ = writeln!(std::io::stderr(), "not tested: this system starts threads with a stack of 64 TB");
        return;
    }
    threads::set(4);
    (0..1000).for_each(hand_over);
}
