//! The line that says how far a vocabulary has been learned. A quick one needs none.

use std::time::{Duration, Instant};

/// No line before this.
const QUICK: Duration = Duration::from_secs(1);

/// When to say how far a vocabulary is.
pub struct Vocabulary {
    begun: Instant,
    last: Option<Instant>,
    /// How long a line stands: on a terminal it is overwritten soon, elsewhere every line stays.
    pause: Duration,
}

impl Vocabulary {
    pub fn new(is_terminal: bool) -> Vocabulary {
        let pause = Duration::from_millis(if is_terminal { 100 } else { 5000 });
        Vocabulary { begun: Instant::now(), last: None, pause }
    }

    /// The line, if it is time for one.
    pub fn line(&mut self, n_tokens: usize, n_vocab: usize, now: Instant) -> Option<String> {
        let is_due = match self.last {
            None => now - self.begun >= QUICK,
            Some(last) => now - last >= self.pause,
        };
        if !is_due {
            return None;
        }
        self.last = Some(now);
        Some(format!("vocabulary: {n_tokens} of {n_vocab} tokens"))
    }

    /// Whether there has been a line.
    pub fn has_shown(&self) -> bool {
        self.last.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_vocabulary_shows_nothing_and_a_slow_one_a_line_now_and_then() {
        let mut vocabulary = Vocabulary::new(false);
        let at = |ms: u64| vocabulary.begun + Duration::from_millis(ms);
        let moments = [10, 999, 1000, 1001, 5999, 6000].map(at);
        let lines: Vec<Option<String>> = (300..).zip(moments).map(|(n, now)| vocabulary.line(n, 2048, now)).collect();
        let told = |n: usize| Some(format!("vocabulary: {n} of 2048 tokens"));
        assert_eq!(lines, [None, None, told(302), None, None, told(305)]);
        assert!(vocabulary.has_shown() && !Vocabulary::new(true).has_shown());
    }
}
