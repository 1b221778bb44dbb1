//! `logits`: the scores of the next token, and what the knobs of `sample` leave of them.

use crate::example;
use crate::examples::success;
use gpt60::generate::Sampler;
use gpt60::storybook;

#[test]
fn logits_prints_every_score_and_every_probability() {
    let story = storybook::load();
    let ids = story.tokenizer.as_ref().unwrap().encode("The little");
    let expected = story.model.logits(&ids).unwrap(); // [n_seq, n_vocab]
    let expected = expected.row(ids.len() - 1);
    let numbers = |flag: &str| -> Vec<f32> {
        let (stdout, _) = success(example("logits", &["The little", flag]));
        stdout.lines().map(|line| line.parse().unwrap()).collect()
    };
    let raw = numbers("--raw");
    assert_eq!(raw.len(), story.model.config.n_vocab);
    // The last row alone may be summed in another order than all rows together: the last bits differ.
    assert!(raw.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4));

    // Softmax in f64, from the scores as they were printed.
    let sum: f64 = raw.iter().map(|&x| f64::from(x).exp()).sum();
    let probabilities = numbers("--probs");
    assert_eq!(probabilities.len(), raw.len());
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    for (&p, &x) in probabilities.iter().zip(&raw) {
        let expected = f64::from(x).exp() / sum;
        assert!((f64::from(p) - expected).abs() <= 1e-5 * expected, "{p} is not {expected}");
    }

    // Without a flag: a header and the ten likeliest, best first.
    let (stdout, _) = success(example("logits", &["The little"]));
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|&a, &b| raw[b].total_cmp(&raw[a]));
    let shown: Vec<usize> =
        stdout.lines().skip(1).map_while(|line| line.split_whitespace().next().unwrap().parse().ok()).collect();
    assert_eq!(shown, order[..10]);
}

#[test]
fn logits_shows_what_the_knobs_of_sample_leave() {
    let knobs = ["--temperature", "0.7", "--top-k", "40", "--top-p", "0.9", "--repetition-penalty", "1.3"];
    let numbers = |args: &[&str]| -> Vec<f32> {
        let (stdout, _) = success(example("logits", &[&["The little"], args].concat()));
        stdout.lines().map(|line| line.parse().unwrap()).collect()
    };
    let sampler = Sampler { temperature: 0.7, top_k: 40, top_p: 0.9, repetition_penalty: 1.3, ..Sampler::new(1) };
    let ids = storybook::load().tokenizer.unwrap().encode("The little");
    let expected = sampler.probabilities(&numbers(&["--raw"]), &ids).unwrap();
    assert!(expected.iter().filter(|&&p| p > 0.0).count() < 40);
    assert_eq!(numbers(&[&["--probs"], &knobs[..]].concat()), expected);
    assert_eq!(numbers(&[&["--raw"], &knobs[..]].concat()), numbers(&["--raw"]));

    let (stdout, _) = success(example("logits", &[&["The little", "--width", "90"], &knobs[..]].concat()));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>().join(" "),
        "id logit model penalty temper. top-k top-p token"
    );
    // The ten likeliest, the sum of the others, and how many are left: of 3,832, 40 and what top-p keeps of them.
    let words: Vec<&str> = lines[12].split_whitespace().collect();
    let n_left = expected.iter().filter(|&&p| p > 0.0).count().to_string();
    assert_eq!(words, ["left", "3832", "3832", "3832", "40", &n_left]);
    assert!(lines[11].contains("3822 others") && lines.iter().all(|line| line.chars().count() <= 90), "{stdout}");
    assert!(lines.iter().any(|line| line.contains("removed")) && !stdout.contains('>'), "{stdout}");
}
