//! A vocabulary learned here is the one that the library `tokenizers` learns, also from texts without any space.

use gpt60::Rng;
use gpt60::checkpoint::Json;
use gpt60::tokenizer::Tokenizer;

#[test]
fn the_merges_are_those_that_the_library_tokenizers_learns() {
    let cases = Json::parse(include_str!("fixtures/learned.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let text = |name: &str| case.get(name).unwrap().as_str().unwrap();
        // The number of tokens does not count <|endoftext|>.
        let n_vocab = case.get("n_tokens").unwrap().as_usize().unwrap() + 1;
        let learned = Tokenizer::learn(text("text"), n_vocab).unwrap();
        let merges: Vec<String> = learned.merges().into_iter().map(|(a, b)| format!("{a} {b}")).collect();
        let expected: Vec<&str> =
            case.get("merges").unwrap().as_array().unwrap().iter().map(|merge| merge.as_str().unwrap()).collect();
        assert!(expected.len() > 10, "{}", text("name"));
        assert_eq!(merges, expected, "{}", text("name"));
    }
}

/// No test asserts a time. But a learner that goes over the whole piece for each of its merges would need many minutes
/// for this one.
#[test]
fn a_piece_of_half_a_million_letters_is_learned() {
    let mut rng = Rng::new(5);
    let genome: String = (0..500_000).map(|_| ['A', 'C', 'G', 'T'][rng.below(4)]).collect();
    for text in [genome, "a".repeat(500_000), "ab".repeat(250_000)] {
        let mut seen = Vec::new();
        let tokenizer = Tokenizer::learn_watched(&text, 2048, |n_tokens| seen.push(n_tokens)).unwrap();
        assert!(seen.len() == tokenizer.merges().len() && seen.last() == Some(&tokenizer.n_vocab()));
        let ids = tokenizer.encode(&text);
        assert!(ids.len() < text.len() / 4, "{} tokens", ids.len());
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}
