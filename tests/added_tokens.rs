//! Tokens that were added to a vocabulary are found in a text as the library `tokenizers` finds them, and odd
//! vocabularies are read as it reads them.
//!
//! `fixtures/added_tokens.json` was written by `fixtures/added_tokens.py` with tokenizers 0.23.3.

use gpt60::checkpoint::Json;
use gpt60::tokenizer::{AddedToken, Tokenizer, byte_to_symbol};

fn fixture() -> Json {
    Json::parse(include_str!("fixtures/added_tokens.json")).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap()
}

fn token(json: &Json) -> AddedToken {
    let flag = |key: &str| json.get(key).and_then(Json::as_bool).unwrap_or(false);
    AddedToken {
        id: json.get("id").unwrap().as_usize().unwrap() as u32,
        content: text(json.get("content").unwrap()).to_string(),
        special: flag("special"),
        single_word: flag("single_word"),
        lstrip: flag("lstrip"),
        rstrip: flag("rstrip"),
        normalized: flag("normalized"),
    }
}

/// The 256 bytes in OpenAI's order and the results of the merges, without an end token.
fn base(merges: &[(String, String)]) -> Tokenizer {
    let vocab = Tokenizer::from_merges(merges).unwrap().vocab();
    Tokenizer::from_vocab(&vocab[..256 + merges.len()], merges).unwrap()
}

#[test]
fn added_tokens_are_found_as_tokenizers_finds_them() {
    let fixture = fixture();
    let pair = |json: &Json| (text(&list(json)[0]).to_string(), text(&list(json)[1]).to_string());
    let merges: Vec<(String, String)> = list(fixture.get("merges").unwrap()).iter().map(pair).collect();
    let mut n_texts = 0;
    for set in list(fixture.get("sets").unwrap()) {
        let name = text(set.get("name").unwrap());
        let added = list(set.get("added_tokens").unwrap()).iter().map(token).collect();
        let tokenizer = base(&merges).with_added(added).unwrap();
        for case in list(set.get("texts").unwrap()) {
            let [given, ids, answer] = list(case) else { panic!("{name}: {case}") };
            let ids: Vec<u32> = list(ids).iter().map(|id| id.as_usize().unwrap() as u32).collect();
            assert_eq!(tokenizer.encode(text(given)), ids, "{name}: {:?}", text(given));
            assert_eq!(tokenizer.encode_with_end(text(given)), ids, "{name}: {:?}", text(given));
            // Of a token with characters that are also symbols of bytes, the other program makes those bytes.
            if name != "not ASCII" {
                assert_eq!(tokenizer.decode_text(&ids, &[]).unwrap(), text(answer), "{name}: {:?}", text(given));
            }
            n_texts += 1;
        }
    }
    assert!(n_texts >= 90, "{n_texts}");
}

#[test]
fn a_text_is_encoded_around_its_added_tokens() {
    let end = Tokenizer::gpt2().end_of_text().unwrap();
    let tokenizer = Tokenizer::gpt2().with_added(vec![AddedToken::special(50_257, "<speaker1>")]).unwrap();
    let part = |text: &str| Tokenizer::gpt2().encode(text);
    let dialogue = "<speaker1> Hello there<speaker1>one<|endoftext|>two";
    let before = [&[50_257][..], &part(" Hello there"), &[50_257]].concat();
    assert_eq!(tokenizer.encode(dialogue), [before.clone(), part("one<|endoftext|>two")].concat());
    assert_eq!(tokenizer.encode_with_end(dialogue), [before, part("one"), vec![end], part("two")].concat());
    assert_eq!(tokenizer.decode(&tokenizer.encode_with_end(dialogue)).unwrap(), dialogue);
}

#[test]
fn an_answer_shows_no_special_token_and_every_other_one() {
    let word = AddedToken { special: false, ..AddedToken::special(50_258, "<word>") };
    let added = vec![AddedToken::special(50_257, "<mark>"), word];
    let tokenizer = Tokenizer::gpt2().with_added(added).unwrap();
    let ids = tokenizer.encode("<mark>one<word>");
    assert_eq!(tokenizer.decode(&ids).unwrap(), "<mark>one<word>");
    assert_eq!(tokenizer.decode_text(&ids, &[]).unwrap(), "one<word>");
    assert_eq!(tokenizer.text_bytes(50_257), b"");
    assert_eq!(tokenizer.text_bytes(50_258), b"<word>");
    assert_eq!(tokenizer.text_bytes(60_000), b"");
}

#[test]
fn the_vocabulary_says_which_id_an_added_token_has() {
    let mut vocab = base(&[]).vocab();
    vocab.push(("<a>".to_string(), 256));
    let tokenizer = Tokenizer::from_vocab(&vocab, &[]).unwrap();
    let added = |id: u32, content: &str| tokenizer.clone().with_added(vec![AddedToken::special(id, content)]);
    assert_eq!(added(300, "<a>").unwrap().encode("<a>"), [256]);
    // The last of two with the same characters counts.
    let twice = vec![AddedToken::special(300, "<a>"), AddedToken { special: false, ..AddedToken::special(300, "<a>") }];
    assert_eq!(tokenizer.clone().with_added(twice).unwrap().added().len(), 1);
    // An id of another token is refused, also within the list.
    let message = added(256, "<b>").unwrap_err().to_string();
    assert_eq!(message, r#"added tokens: id 256 belongs to two tokens, "<a>" and "<b>""#);
    let both = vec![AddedToken::special(300, "<b>"), AddedToken::special(300, "<c>")];
    let message = tokenizer.clone().with_added(both).unwrap_err().to_string();
    assert_eq!(message, r#"added tokens: id 300 belongs to two tokens, "<b>" and "<c>""#);
}

#[test]
fn an_added_token_is_decoded_to_its_own_characters() {
    // In the vocabulary, `é` is the symbol of byte 0xe9. But no merge makes this token, so it means what it says.
    let mut vocab = base(&[]).vocab();
    vocab.push(("<é>".to_string(), 256));
    let tokenizer = Tokenizer::from_vocab(&vocab, &[]).unwrap();
    assert_eq!(tokenizer.decode_bytes(&[256]).unwrap(), b"<\xe9>");
    let tokenizer = tokenizer.with_added(vec![AddedToken::special(256, "<é>")]).unwrap();
    assert_eq!(tokenizer.decode(&[256]).unwrap(), "<é>");
    assert_eq!(tokenizer.vocab(), vocab);
}

#[test]
fn a_token_that_no_merge_makes_and_one_that_is_not_made_of_bytes_are_taken_as_they_are() {
    // tokenizers 0.23.3 decodes these three to "th", "a b" and "語": a token with a character that stands for no byte is
    // its own text.
    let odd = [("th", 256), ("a b", 257), ("語", 258), ("", 259)].map(|(symbol, id)| (symbol.to_string(), id));
    let vocab = [base(&[]).vocab(), odd.into()].concat();
    let tokenizer = Tokenizer::from_vocab(&vocab, &[]).unwrap();
    assert_eq!(tokenizer.decode(&[256, 257, 258, 259]).unwrap(), "tha b語");
    assert!(tokenizer.encode("tha b語").iter().all(|&id| id < 256)); // no merge makes them
    assert_eq!(tokenizer.vocab(), vocab);
    assert_eq!(tokenizer.symbol(257).as_deref(), Some("a b"));
}

#[test]
fn a_byte_without_a_token_is_an_error_where_a_text_needs_it() {
    let vocab: Vec<(String, u32)> = (0..).zip(b'a'..=b'z').map(|(id, c)| (byte_to_symbol(c).to_string(), id)).collect();
    let tokenizer = Tokenizer::from_vocab(&vocab, &[]).unwrap();
    let tokenizer = tokenizer.with_added(vec![AddedToken::special(26, "<é>")]).unwrap();
    assert_eq!(tokenizer.check_text("abc<é>z"), Ok(()));
    let message = tokenizer.check_text("abé").unwrap_err().to_string();
    assert_eq!(message, "encode: the text has 'é', and the vocabulary has no token for its byte 0xc3");
    assert_eq!(tokenizer.encode("a b<é>"), [0, 1, 26]); // the space is left out, as tokenizers 0.23.3 does
    assert_eq!(Tokenizer::gpt2().check_text("é \0"), Ok(()));
}

#[test]
fn of_a_merge_that_comes_twice_the_later_place_counts() {
    let merge = |a: &str, b: &str| (a.to_string(), b.to_string());
    let (ab, bc) = (merge("a", "b"), merge("b", "c"));
    let vocab = [base(&[]).vocab(), vec![("ab".to_string(), 256), ("bc".to_string(), 257)]].concat();
    let ids = |merges: &[(String, String)]| Tokenizer::from_vocab(&vocab, merges).unwrap().encode("abc");
    // tokenizers 0.23.3 gives the same ids for each of the three.
    assert_eq!(ids(&[ab.clone(), bc.clone()]), [256, 66]);
    assert_eq!(ids(&[ab.clone(), bc.clone(), ab.clone()]), [64, 257]);
    assert_eq!(ids(&[ab.clone(), ab, bc]), [256, 66]);
}
