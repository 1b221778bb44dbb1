//! The tokenizer against other programs, and what holds for every text.
//!
//! `fixtures/tokenizer.txt` and `fixtures/tokenizer_merges.txt` were written by `fixtures/tokenizer.py`, with tiktoken
//! 0.14.0 and tokenizers 0.23.3.

use gpt60::tokenizer::{Tokenizer, Utf8Stream};
use proptest::prelude::*;
use std::sync::LazyLock;

static GPT2: LazyLock<Tokenizer> = LazyLock::new(Tokenizer::gpt2);
static LEARNED: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::learn(&documents(), 256 + 300 + 1).unwrap());

/// A line of the fixture: what it is about, the text, and the ids that tiktoken gives for it.
struct Case {
    name: String,
    text: String,
    ids: Vec<u32>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("fixtures/tokenizer.txt").lines().filter(|line| !line.starts_with('#'));
    let cases = lines.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let ids = fields[2].split_whitespace().map(|id| id.parse().unwrap()).collect();
        Case { name: fields[0].to_string(), text: unescape(fields[1]), ids }
    });
    cases.collect()
}

/// Reverses the script's escapes for characters that a line cannot hold: `\u{a}` and `\\`.
fn unescape(escaped: &str) -> String {
    let mut text = String::new();
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        rest = match after.strip_prefix("u{") {
            Some(code) => {
                let (digits, after) = code.split_once('}').unwrap();
                text.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
                after
            }
            None => {
                text.push('\\');
                after.strip_prefix('\\').unwrap()
            }
        };
    }
    text + rest
}

/// The texts of the fixture, one document each.
fn documents() -> String {
    let texts: Vec<String> = cases().into_iter().map(|case| case.text).collect();
    texts.join("<|endoftext|>")
}

#[test]
fn gpt2_ids_are_those_of_tiktoken() {
    let cases = cases();
    assert!(cases.len() > 250);
    for Case { name, text, ids } in cases {
        assert_eq!(GPT2.encode(&text), ids, "{name}: {text:?}");
        assert_eq!(GPT2.decode(&ids).unwrap(), text, "{name}");
    }
}

#[test]
fn gpt2_merges_are_those_that_openai_published() {
    let merges = GPT2.merges();
    let mut text = String::from("#version: 0.2\n");
    for (left, right) in &merges {
        text += &format!("{left} {right}\n");
    }
    // The size and the 64-bit FNV-1a hash of OpenAI's file, SHA-256
    // 1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5:
    //     for b in open("merges.txt", "rb").read(): h = (h ^ b) * 0x100000001b3 % 2**64      (from 0xcbf29ce484222325)
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    assert_eq!((text.len(), hash), (456_318, 0xd733_86ba_902b_110d));

    assert_eq!(Tokenizer::parse_merges(&text).unwrap(), merges);
    assert!(Tokenizer::from_merges(&merges).unwrap() == *GPT2);
}

#[test]
fn gpt2_numbers_are_openais() {
    assert_eq!(GPT2.n_vocab(), 50_257);
    assert_eq!(GPT2.end_of_text(), Some(50_256));
    // From OpenAI's encoder.json.
    let known =
        [(0, "!"), (64, "a"), (188, "Ā"), (220, "Ġ"), (255, "Ń"), (256, "Ġt"), (262, "Ġthe"), (50_255, "Ġgazed")];
    for (id, symbol) in known {
        assert_eq!(GPT2.symbol(id).as_deref(), Some(symbol));
    }
    assert_eq!(GPT2.symbol(50_256).as_deref(), Some("<|endoftext|>"));
    assert_eq!(GPT2.symbol(50_257), None);
}

#[test]
fn every_token_of_gpt2_is_what_its_own_bytes_merge_into() {
    // It therefore makes no difference that tiktoken looks up a whole piece before it merges anything.
    let mut n = 0;
    for id in 0..50_256 {
        let Ok(text) = std::str::from_utf8(GPT2.token_bytes(id).unwrap()) else { continue };
        if let Some(step) = GPT2.merge_steps(text).last() {
            assert_eq!(step.after, [GPT2.symbol(id).unwrap()]);
            n += 1;
        }
    }
    assert!(n > 49_000, "{n}"); // all but single bytes and parts of characters
}

#[test]
fn learning_gives_the_merges_that_tokenizers_learns() {
    let expected = Tokenizer::parse_merges(include_str!("fixtures/tokenizer_merges.txt")).unwrap();
    assert_eq!(expected.len(), 300);
    assert_eq!(LEARNED.merges(), expected);
}

#[test]
fn only_the_caller_can_end_a_document() {
    for tokenizer in [&*GPT2, &*LEARNED] {
        let end = tokenizer.end_of_text().unwrap();
        let text = "one<|endoftext|><|endoftext|>two<|endoftext|>";
        assert!(!tokenizer.encode(text).contains(&end));
        let (one, two) = (tokenizer.encode("one"), tokenizer.encode("two"));
        assert_eq!(tokenizer.encode_with_end(text), [one, vec![end, end], two, vec![end]].concat());
        assert_eq!(tokenizer.decode(&tokenizer.encode_with_end(text)).unwrap(), text);
    }
}

#[test]
fn documents_do_not_reach_into_each_other_when_learning() {
    // Together these would be the word "ab" and the space run; apart there is no pair.
    let tokenizer = Tokenizer::learn("a<|endoftext|>b<|endoftext|> <|endoftext|> ", 1000).unwrap();
    assert_eq!(tokenizer.n_vocab(), 257);
}

#[test]
fn a_vocabulary_decides_its_own_ids() {
    // OpenAI's ids reversed: 999 for id 0, and so on down. The text becomes the same tokens with other numbers.
    let turned: Vec<(String, u32)> = LEARNED.vocab().into_iter().map(|(symbol, id)| (symbol, 999 - id)).collect();
    let tokenizer = Tokenizer::from_vocab(&turned, &LEARNED.merges()).unwrap();
    let ids = LEARNED.encode_with_end("the cat<|endoftext|>the hat");
    let turned_ids: Vec<u32> = ids.iter().map(|id| 999 - id).collect();
    assert_eq!(tokenizer.encode_with_end("the cat<|endoftext|>the hat"), turned_ids);
    assert_eq!(tokenizer.decode(&turned_ids).unwrap(), "the cat<|endoftext|>the hat");
    assert_eq!(tokenizer.n_vocab(), 1000);
    assert!(tokenizer.decode(&[5]).is_err()); // below 999 - 556 there is no token
}

#[test]
fn a_vocabulary_without_the_end_token_has_none() {
    let vocab: Vec<(String, u32)> = LEARNED.vocab().into_iter().filter(|(s, _)| s != "<|endoftext|>").collect();
    let tokenizer = Tokenizer::from_vocab(&vocab, &LEARNED.merges()).unwrap();
    assert_eq!(tokenizer.end_of_text(), None);
    assert_eq!(tokenizer.encode_with_end("a<|endoftext|>"), tokenizer.encode("a<|endoftext|>"));
}

#[test]
fn what_is_wrong_with_a_vocabulary_is_said_with_the_token() {
    let pair = |left: &str, right: &str| (left.to_string(), right.to_string());
    let bytes: Vec<(String, u32)> = GPT2.vocab().into_iter().take(256).collect();
    let with = |more: &[(&str, u32)]| {
        let more = more.iter().map(|&(symbol, id)| (symbol.to_string(), id));
        bytes.iter().cloned().chain(more).collect::<Vec<_>>()
    };
    let cases = [
        (vec![], vec![], "vocabulary: there is no token in it"),
        (with(&[("th", 256), ("he", 256)]), vec![], r#"id 256 belongs to two tokens, "th" and "he""#),
        (with(&[("th", 256), ("th", 257)]), vec![], r#"token "th" has two ids, 256 and 257"#),
        (with(&[("th", 256)]), vec![pair("t", "h"), pair("th", "e")], r#"merge 1 ("th" and "e"): token "the" is not"#),
        (with(&[("the", 256)]), vec![pair("th", "e")], r#"merge 0 ("th" and "e"): token "th" is not"#),
        (
            with(&[("<|endoftext|>", 256), ("<|endoftext|", 257)]),
            vec![pair("<|endoftext|", ">")],
            r#"merge 0 ("<|endoftext|" and ">"): ordinary text must not become <|endoftext|>"#,
        ),
    ];
    for (vocab, merges, expected) in cases {
        let message = Tokenizer::from_vocab(&vocab, &merges).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\nshould contain\n{expected}");
    }
    let message = Tokenizer::from_merges(&[pair("t", "h"), pair("xy", "z")]).unwrap_err().to_string();
    assert!(message.contains(r#"merge 1 ("xy" and "z"): token "xy" is not"#), "{message}");
}

#[test]
fn an_id_from_nowhere_does_not_cost_memory() {
    let mut vocab = LEARNED.vocab();
    vocab.push(("far".to_string(), u32::MAX));
    let tokenizer = Tokenizer::from_vocab(&vocab, &LEARNED.merges()).unwrap();
    assert_eq!(tokenizer.decode(&[u32::MAX]).unwrap(), "far");
    assert_eq!(tokenizer.n_vocab(), 1 << 32);
}

#[test]
fn a_line_that_is_not_a_merge_is_named() {
    for (text, line) in [("#version: 0.2\na b\nab\n", 3), ("a b c", 1), ("a  b", 1), (" b", 1), ("a b\na ", 2)] {
        let message = Tokenizer::parse_merges(text).unwrap_err().to_string();
        assert!(message.contains(&format!("line {line} is not two symbols")), "{message}");
    }
    assert_eq!(Tokenizer::parse_merges("").unwrap(), []);
    // Windows line ends, a merge of two number signs, no line feed at the end.
    let merges = Tokenizer::parse_merges("#version: 0.2\r\n# #\r\n\r\na b").unwrap();
    assert_eq!(merges, [("#".to_string(), "#".to_string()), ("a".to_string(), "b".to_string())]);
}

#[test]
fn an_id_outside_the_vocabulary_is_named() {
    let message = GPT2.decode(&[0, 50_257]).unwrap_err().to_string();
    assert_eq!(message, "decode: token id 50257 is not in the vocabulary: its 50257 tokens have ids up to 50256");
}

#[test]
fn a_vocabulary_needs_room_for_the_bytes_and_the_end() {
    assert!(Tokenizer::learn("abc", 256).is_err());
    assert_eq!(Tokenizer::learn("abc", 257).unwrap().encode("abc").len(), 3);
    assert_eq!(Tokenizer::learn("abc", usize::MAX).unwrap().n_vocab(), 256 + 2 + 1); // ab, abc
}

#[test]
fn merge_steps_lead_to_the_tokens_of_the_word() {
    let steps = GPT2.merge_steps(" theorized");
    // Where "Ġ t", "h e", "Ġt he", "o r", "e d", "i z", "iz ed" and "Ġthe or" stand in OpenAI's merges.txt: the line,
    // counted from 0 after the version line.
    let ranks: Vec<usize> = steps.iter().map(|step| step.rank).collect();
    assert_eq!(ranks, [0, 2, 6, 17, 20, 272, 887, 18_509]);
    assert_eq!(steps.first().unwrap().before, ["Ġ", "t", "h", "e", "o", "r", "i", "z", "e", "d"]);
    assert_eq!(steps.last().unwrap().after, ["Ġtheor", "ized"]); // 18765 and 1143
    for pair in steps.windows(2) {
        assert_eq!(pair[0].after, pair[1].before);
    }
    assert!(GPT2.merge_steps("\u{1}\u{2}").is_empty());
}

#[test]
fn a_very_long_piece_is_no_problem() {
    // tiktoken 0.14.0: 25,000 tokens "aaaa" (24794), and 99,999 spaces that stay single (220) before " a" (257).
    assert_eq!(GPT2.encode(&"a".repeat(100_000)), vec![24794; 25_000]);
    let ids = GPT2.encode(&(" ".repeat(100_000) + "a"));
    assert_eq!((ids.len(), ids[0], ids[99_998], ids[99_999]), (100_000, 220, 220, 257));
    // Equal letters are merged in a few passes. Letters at random need thousands, one for each different merge: this is
    // what the heap is for. Number, first and sum of the ids are those of tiktoken 0.14.0.
    let mut x: u64 = 60;
    let mut letter = |_| {
        x = (x * 1_103_515_245 + 12_345) % (1 << 31);
        char::from(b'a' + ((x >> 16) % 26) as u8)
    };
    let ids = GPT2.encode(&(0..100_000).map(&mut letter).collect::<String>());
    assert_eq!((ids.len(), &ids[..6]), (59_582, &[365, 3692, 73, 88, 591, 4178][..]));
    assert_eq!(ids.iter().map(|&id| u64::from(id)).sum::<u64>(), 382_305_495);
}

/// Texts of every kind: any characters, and texts in which the rules of the split meet often.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \n\t'\u{A0}aslt1Ⅷ½.é語🦀\u{301}]{0,40}",
        "[a-z ]{0,200}",
        "(<\\|endoftext\\|>|[a ]){0,6}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn decoding_gives_back_every_text(text in texts()) {
        for tokenizer in [&*GPT2, &*LEARNED] {
            for ids in [tokenizer.encode(&text), tokenizer.encode_with_end(&text)] {
                prop_assert_eq!(tokenizer.decode_bytes(&ids).unwrap(), text.as_bytes());
                prop_assert_eq!(tokenizer.decode(&ids).unwrap(), text.as_str());
                let mut stream = Utf8Stream::new();
                let streamed: String = ids.iter().map(|&id| stream.push(tokenizer.token_bytes(id).unwrap())).collect();
                prop_assert_eq!(streamed + &stream.finish(), text.as_str());
            }
        }
    }

    #[test]
    fn any_ids_of_the_vocabulary_decode_to_the_bytes_of_their_tokens(ids in prop::collection::vec(0u32..50_257, 0..20)) {
        let bytes = ids.iter().flat_map(|&id| GPT2.token_bytes(id).unwrap().to_vec()).collect::<Vec<u8>>();
        prop_assert_eq!(GPT2.decode_bytes(&ids).unwrap(), bytes);
    }

    #[test]
    fn a_learned_vocabulary_survives_being_written_and_read(text in texts(), more in 0usize..40) {
        let tokenizer = Tokenizer::learn(&text, 257 + more).unwrap();
        prop_assert!(tokenizer.n_vocab() <= 257 + more);
        let again = Tokenizer::from_vocab(&tokenizer.vocab(), &tokenizer.merges()).unwrap();
        prop_assert_eq!(&again, &tokenizer);
        prop_assert_eq!(&Tokenizer::from_merges(&tokenizer.merges()).unwrap(), &tokenizer);
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text)).unwrap(), text);
    }
}
