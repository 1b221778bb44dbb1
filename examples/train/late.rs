//! A line for whoever waits: said only if something takes long.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Calls `say` after `pause`, unless the value that is returned has been dropped by then.
#[must_use]
pub fn after(pause: Duration, say: impl FnOnce() + Send + 'static) -> Sender<()> {
    let (waits, is_over) = channel();
    thread::spawn(move || {
        if is_over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            say();
        }
    });
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_long_is_said() {
        let (says, said) = channel();
        let other = says.clone();
        let waits = after(Duration::from_millis(10), move || says.send("late").unwrap());
        assert_eq!(said.recv(), Ok("late")); // the only other way on is that it is dropped unsaid, an error
        drop(waits);
        // An hour would be over too late for this test, and a value that is dropped ends the waiting at once.
        drop(after(Duration::from_secs(3600), move || other.send("in time").unwrap()));
        assert!(said.recv().is_err());
    }
}
