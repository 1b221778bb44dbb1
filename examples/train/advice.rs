//! What is said about a run before its first step: how often it reads its texts, and what it would be better to change.

/// With more epochs than this, little is learned except the texts by heart (chapter 13, "When to stop").
const MANY_EPOCHS: f64 = 40.0;
/// Fewer tokens than a sentence.
const SENTENCE: usize = 20;

/// How often the texts, of `n_text` tokens, are read by `steps` steps of `n_step` tokens.
pub fn epochs(steps: u64, n_step: usize, n_text: usize) -> String {
    let n = n_epochs(steps, n_step, n_text);
    let n = if n < 9.95 { format!("{n:.1}") } else { format!("{n:.0}") };
    format!("{steps} steps of {n_step} tokens read the text {n} times in all ({n} epochs)")
}

/// What to do if the texts are read far too often.
pub fn too_many_epochs(steps: u64, n_step: usize, n_text: usize) -> Option<String> {
    if n_epochs(steps, n_step, n_text) < 2.0 * MANY_EPOCHS {
        return None;
    }
    let enough = (MANY_EPOCHS * n_text as f64 / n_step as f64).ceil().max(1.0);
    Some(format!(
        "after some {MANY_EPOCHS} epochs a model learns little more than its text by heart: fewer --steps (here about {enough}), \
         or more text"
    ))
}

fn n_epochs(steps: u64, n_step: usize, n_text: usize) -> f64 {
    steps as f64 * n_step as f64 / n_text as f64
}

/// What to do if the texts, of `n_text` tokens, are less than a sentence.
pub fn too_short(n_text: usize) -> Option<String> {
    let problem = "fewer than a sentence: the model can only learn to repeat it; give more text";
    (n_text < SENTENCE).then(|| format!("the text has {n_text} tokens, {problem}"))
}

/// What to do if a window of `asked` tokens is longer than the text, so that the windows have only `n_seq`.
pub fn too_long_a_window(asked: usize, n_seq: usize) -> String {
    let smaller = match n_seq / 4 {
        0..8 => "give more text, or a smaller --n-ctx".to_string(),
        quarter => format!("--n-ctx {} would cut many from it (or give more text)", 1 << quarter.ilog2()),
    };
    format!(
        "the text is shorter than a window of {asked} tokens: the windows have {n_seq}, nearly all of it; {smaller}"
    )
}

/// From where a run goes on that was stopped. After `step`, `n_lost` steps had been made whose state was not written.
pub fn going_on(step: u64, n_lost: u64, save_every: u64) -> String {
    let why = match n_lost {
        0 if step == 0 => ": the run was stopped before its first step".to_string(),
        0 => String::new(),
        n => {
            let lost = if n == 1 { "the step after it is".to_string() } else { format!("the {n} steps after it are") };
            format!(
                ": {lost} made again, because the state had not been written since (it is written after 5, 10, 20, 40 and 80 \
                 seconds, then each minute, and every {save_every} steps)"
            )
        }
    };
    format!("going on after step {step}{why}")
}

// `tests/resume.rs`, which is about this example, runs it.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_counted_and_far_too_many_are_advised_against() {
        // 1000 * 2048 / 3516 = 582.48; 40 * 3516 / 2048 = 68.7.
        assert_eq!(epochs(1000, 2048, 3516), "1000 steps of 2048 tokens read the text 582 times in all (582 epochs)");
        assert!(too_many_epochs(1000, 2048, 3516).unwrap().contains("fewer --steps (here about 69)"));
        // 3 * 10 / 20 = 1.5.
        assert_eq!(epochs(3, 10, 20), "3 steps of 10 tokens read the text 1.5 times in all (1.5 epochs)");
        assert_eq!(too_many_epochs(3, 10, 20), None);
        assert_eq!(too_many_epochs(159, 10, 20), None); // 79.5 epochs
        assert!(too_many_epochs(160, 10, 20).is_some());
    }

    #[test]
    fn a_text_that_is_too_short_is_told_what_to_do() {
        assert_eq!(too_short(20), None);
        assert!(too_short(19).unwrap().contains("19 tokens, fewer than a sentence"));
        // A quarter of 3515 is 878, and 512 is the power of two below it. A quarter of 31 is less than 8.
        assert!(
            too_long_a_window(100_000, 3515)
                .ends_with("have 3515, nearly all of it; --n-ctx 512 would cut many from it (or give more text)")
        );
        assert!(too_long_a_window(64, 31).ends_with("give more text, or a smaller --n-ctx"));
    }

    #[test]
    fn a_run_that_goes_on_says_what_was_lost_and_why() {
        assert_eq!(going_on(40, 0, 250), "going on after step 40");
        assert_eq!(going_on(0, 0, 250), "going on after step 0: the run was stopped before its first step");
        let one = going_on(0, 1, 250);
        assert!(one.starts_with("going on after step 0: the step after it is made again, because"), "{one}");
        let many = going_on(40, 12, 250);
        assert!(many.starts_with("going on after step 40: the 12 steps after it are made again, because"), "{many}");
        assert!(many.contains("20, 40 and 80 seconds, then each minute, and every 250 steps"), "{many}");
    }
}
