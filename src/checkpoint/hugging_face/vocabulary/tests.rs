//! Vocabularies of other kinds, odd ones and damaged ones, in a directory.

use super::super::tests::{tokenizer, with_vocabulary};
use super::*;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::{load, save};
use crate::tokenizer::symbol_to_byte;
use crate::{Config, Gpt2, Rng};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

/// The same JSON with the value at the end of this path of keys replaced or added.
fn with(json: &Json, path: &[&str], value: Json) -> Json {
    let Some((key, rest)) = path.split_first() else {
        return value;
    };
    let mut entries = json.as_object().unwrap().to_vec();
    match entries.iter().position(|(other, _)| other == key) {
        Some(i) => entries[i].1 = with(&entries[i].1, rest, value),
        None => entries.push((key.to_string(), with(&Json::Object(vec![]), rest, value))),
    }
    Json::Object(entries)
}

#[test]
fn a_tokenizer_that_is_not_gpt2s_is_refused() {
    let (dir, json) = with_vocabulary("foreign");
    let kind = |name: &str| Json::object([("type", name.into())]);
    let adds_a_token = r#"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}]}"#;
    for (path, value, expected) in [
        (&["model", "type"][..], "Else".into(), "its model is \"Else\""),
        (&["normalizer"], kind("NFC"), "it has the normalizer \"NFC\""),
        (&["pre_tokenizer"], Json::Null, "it has no pre_tokenizer"),
        (&["pre_tokenizer"], kind("Whitespace"), "its pre_tokenizer is \"Whitespace\""),
        (&["pre_tokenizer", "add_prefix_space"], true.into(), "add_prefix_space true"),
        (&["pre_tokenizer", "use_regex"], false.into(), "use_regex false"),
        (&["post_processor"], Json::parse(adds_a_token).unwrap(), "adds tokens"),
        (&["model", "byte_fallback"], true.into(), "byte_fallback"),
        (&["model", "ignore_merges"], true.into(), "ignore_merges"),
        (&["model", "end_of_word_suffix"], "</w>".into(), "end_of_word_suffix"),
        (&["model", "dropout"], 0.1f32.into(), "dropout"),
        (&["model", "vocab"], Json::Null, "expected an object of tokens and ids"),
        (&["model", "merges"], Json::Null, "expected a list"),
        (&["model"], Json::Null, "it has no model"),
    ] {
        fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains("tokenizer.json: ") && message.contains(expected), "{message}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_makes_no_difference_to_a_tokenizer_is_accepted() {
    let (dir, json) = with_vocabulary("harmless");
    let alone = r#"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}"#;
    let merges = tokenizer().merges().iter().map(|(a, b)| Json::String(format!("{a} {b}"))).collect();
    let pad = |id: usize| Json::object([("id", id.into()), ("content", "[my pad]".into())]);
    let end = json.get("added_tokens").unwrap().as_array().unwrap()[0].clone();
    for (path, value) in [
        (&["post_processor"][..], Json::Null),
        (&["post_processor"], Json::parse(alone).unwrap()),
        (&["truncation"], Json::object([("max_length", 5usize.into())])),
        (&["model", "merges"], Json::Array(merges)),
        (&["model", "dropout"], 0.0f32.into()),
        (&["added_tokens"], Json::Array(vec![])),
        (&["added_tokens"], Json::Array(vec![end.clone(), pad(300)])), // beyond the rows of the model
    ] {
        fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
        assert_eq!(load(&dir).unwrap().tokenizer, Some(tokenizer()), "{path:?}");
    }
    // Within the rows of the model, a pad token has its id, even with a space in its name.
    let added = with(&json, &["added_tokens"], Json::Array(vec![end, pad(299)]));
    fs::write(dir.join("tokenizer.json"), added.to_string()).unwrap();
    let found = load(&dir).unwrap().tokenizer.unwrap();
    assert_eq!(found.decode(&[299]).unwrap(), "[my pad]");
    assert_eq!(found.encode("the[my pad]"), [tokenizer().encode("the"), vec![299]].concat());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_vocabulary_larger_than_the_model_is_refused() {
    let small = Gpt2::random(&Config::new(264, 5, 6, 2, 2), &mut Rng::new(1)).unwrap();
    let (dir, _) = with_vocabulary("large");
    let message = save(&dir, &small, Some(&tokenizer()), Dtype::F32).unwrap_err().to_string();
    assert_eq!(message, "save: the vocabulary needs 265 rows of the embedding, and the model has 264");
    save(&dir, &small, None, Dtype::F32).unwrap();
    for gone in ["tokenizer.json", "vocab.json", "merges.txt"] {
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains("it has ids up to 264, and the model's vocab_size is 264"), "{message}");
        fs::remove_file(dir.join(gone)).unwrap();
    }
    assert!(load(&dir).unwrap().tokenizer.is_none());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_vocabulary_without_its_merges_and_settings_that_change_the_ids_are_refused() {
    let (dir, _) = with_vocabulary("half");
    for key in ["add_prefix_space", "add_bos_token"] {
        let settings = Json::object([(key, true.into())]).to_string();
        fs::write(dir.join("tokenizer_config.json"), settings).unwrap();
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains(&format!("tokenizer_config.json: `{key}` is true")), "{message}");
    }
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    fs::remove_file(dir.join("tokenizer.json")).unwrap();
    fs::remove_file(dir.join("merges.txt")).unwrap();
    assert!(load(&dir).unwrap_err().to_string().contains("vocab.json and no merges.txt"));
    fs::remove_dir_all(&dir).unwrap();
}

/// A directory with a model of 300 rows, `vocab.json` and `merges.txt`, and nothing else about a vocabulary.
fn old_directory(name: &str) -> PathBuf {
    let (dir, _) = with_vocabulary(name);
    fs::remove_file(dir.join("tokenizer.json")).unwrap();
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    dir
}

/// The error of a directory, without its name.
fn refused(dir: &Path) -> String {
    let message = load(dir).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message.strip_prefix(&format!("{}/", dir.display())).unwrap().to_string()
}

#[test]
fn a_fault_is_blamed_on_the_file_that_has_it() {
    let dir = old_directory("blame");
    let (a, b) = tokenizer().merges()[0].clone();
    fs::write(dir.join("merges.txt"), format!("#version: 0.2\n{a} {b}\n\nx y\n")).unwrap();
    let missing = r#"merge 1 ("x" and "y"): token "xy" is not in the vocabulary"#;
    assert_eq!(refused(&dir), format!("merges.txt: line 4: {missing}"));
    fs::write(dir.join("merges.txt"), "\u{FEFF}#version: 0.2\nt h\n").unwrap();
    assert!(refused(&dir).starts_with("merges.txt: begins with a byte order mark"), "{}", refused(&dir));
    fs::write(dir.join("merges.txt"), "t h e\n").unwrap();
    assert!(refused(&dir).starts_with("merges.txt: merges: line 1 is not two symbols"), "{}", refused(&dir));
    fs::write(dir.join("merges.txt"), format!("{a} {b}\n")).unwrap();
    let vocab = fs::read_to_string(dir.join("vocab.json")).unwrap();
    fs::write(dir.join("vocab.json"), vocab.replacen(":1,", ":0,", 1)).unwrap();
    assert_eq!(refused(&dir), r#"vocab.json: id 0 belongs to two tokens, "!" and "\"""#);
    fs::remove_file(dir.join("vocab.json")).unwrap();
    fs::write(dir.join("merges.txt"), "t h\n\nxy z\n").unwrap();
    let missing = r#"merge 1 ("xy" and "z"): token "xy" is not in the vocabulary"#;
    assert_eq!(refused(&dir), format!("merges.txt: line 3: {missing}"));
    fs::remove_dir_all(&dir).unwrap();

    let (dir, json) = with_vocabulary("blame-new");
    let pair = |a: &str, b: &str| Json::Array(vec![a.into(), b.into()]);
    let added = |id: usize, content: &str| Json::object([("id", id.into()), ("content", content.into())]);
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    for (path, value, expected) in [
        (
            &["model", "merges"][..],
            Json::Array(vec![pair(&a, &b), pair("x", "y")]),
            r#"model.merges: merge 1 ("x" and "y"): token "xy" is not in the vocabulary"#,
        ),
        (&["model", "vocab", "zz"], 7usize.into(), r#"model.vocab: id 7 belongs to two tokens, "(" and "zz""#),
        (&["added_tokens"], Json::Array(vec![added(7, "<a>")]), r#"id 7 belongs to two tokens, "(" and "<a>""#),
        (
            &["added_tokens"],
            Json::Array(vec![Json::object([("content", "<a>".into())])]),
            r#"added_tokens: a token needs an `id` and a `content`: "{\"content\":\"<a>\"}""#,
        ),
    ] {
        fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
        assert_eq!(refused(&dir), format!("tokenizer.json: {expected}"));
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn openais_names_of_the_two_files_are_known_and_todays_count_before_them() {
    let dir = old_directory("openai");
    let expected = load(&dir).unwrap().tokenizer;
    let merges = fs::read_to_string(dir.join("merges.txt")).unwrap();
    fs::rename(dir.join("vocab.json"), dir.join("encoder.json")).unwrap();
    fs::rename(dir.join("merges.txt"), dir.join("vocab.bpe")).unwrap();
    assert_eq!(load(&dir).unwrap().tokenizer, expected);
    fs::write(dir.join("vocab.bpe"), "t h e\n").unwrap();
    assert!(refused(&dir).starts_with("vocab.bpe: merges: line 1 is not two symbols"), "{}", refused(&dir));
    fs::write(dir.join("vocab.bpe"), "x y\n").unwrap();
    let missing = r#"merge 0 ("x" and "y"): token "xy" is not in the vocabulary"#;
    assert_eq!(refused(&dir), format!("vocab.bpe: line 1: {missing}"));
    fs::write(dir.join("merges.txt"), merges).unwrap();
    assert_eq!(load(&dir).unwrap().tokenizer, expected);
    fs::write(dir.join("encoder.json"), "[]").unwrap();
    assert_eq!(refused(&dir), "encoder.json: vocabulary: expected an object of tokens and ids");
    fs::remove_file(dir.join("merges.txt")).unwrap();
    fs::remove_file(dir.join("vocab.bpe")).unwrap();
    let message = load(&dir).unwrap_err().to_string();
    assert!(message.ends_with(": it has encoder.json and no vocab.bpe: a vocabulary takes both"), "{message}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_vocabulary_of_another_kind_is_not_none() {
    let (dir, json) = with_vocabulary("kind");
    let why = || no_vocabulary(&dir).to_string().split_once(": ").unwrap().1.to_string();
    for kind in ["WordPiece", "Unigram", "WordLevel"] {
        fs::write(dir.join("tokenizer.json"), with(&json, &["model", "type"], kind.into()).to_string()).unwrap();
        assert_eq!(load(&dir).unwrap().tokenizer, None); // the model works with ids
        let expected = format!("it has one of another kind (tokenizer.json has a {kind} model)");
        assert!(why().ends_with(&expected), "{}", why());
    }
    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert_eq!(
        why(),
        "it has no vocabulary: looked for tokenizer.json, for vocab.json with merges.txt (or encoder.json with vocab.bpe), \
         and for merges.txt alone"
    );
    for (name, kind) in OTHER_KINDS {
        fs::write(dir.join(name), "").unwrap();
        assert!(why().ends_with(&format!("it has one of another kind ({name}, {kind})")), "{}", why());
        fs::remove_file(dir.join(name)).unwrap();
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_split_rule_may_be_spelled_out_if_it_is_gpt2s() {
    let (dir, json) = with_vocabulary("split");
    let sequence = |regex: &str, behavior: &str, use_regex: bool| {
        let split = Json::object([
            ("type", "Split".into()),
            ("pattern", Json::object([("Regex", regex.into())])),
            ("behavior", behavior.into()),
            ("invert", false.into()),
        ]);
        let byte_level = Json::object([
            ("type", "ByteLevel".into()),
            ("add_prefix_space", false.into()),
            ("use_regex", use_regex.into()),
        ]);
        Json::object([("type", "Sequence".into()), ("pretokenizers", Json::Array(vec![split, byte_level]))])
    };
    let write = |pre: Json| {
        fs::write(dir.join("tokenizer.json"), with(&json, &["pre_tokenizer"], pre).to_string()).unwrap();
    };
    let own = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    let short = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    for rule in [own, short] {
        write(sequence(rule, "Isolated", false));
        assert_eq!(load(&dir).unwrap().tokenizer, Some(tokenizer()));
    }
    // GPT-4's rule begins like this.
    let other =
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
    for (pre, expected) in [
        (sequence(other, "Isolated", false), r#"another rule than GPT-2's, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n"#),
        (sequence(own, "Removed", false), "a Split that is not \"Isolated\""),
        (sequence(own, "Isolated", true), "splits twice"),
        (Json::parse(r#"{"type": "Sequence", "pretokenizers": [{"type": "Digits"}]}"#).unwrap(), "\"Digits\""),
    ] {
        write(pre);
        let message = refused(&dir);
        assert!(message.starts_with("tokenizer.json: ") && message.contains(expected), "{message}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn old_directories_say_in_other_files_what_was_added() {
    let dir = old_directory("old");
    fs::write(dir.join("added_tokens.json"), r#"{"<a>": 265, "<b>": 266, "[PAD]": 267}"#).unwrap();
    let added = || load(&dir).unwrap().tokenizer.unwrap().added().to_vec();
    let special = |tokens: Vec<AddedToken>| -> Vec<String> {
        tokens.into_iter().filter(|token| token.special).map(|token| token.content).collect()
    };
    // As transformers 5.24: special is what has a purpose, and only the others are normalized.
    assert_eq!(added().iter().map(|token| token.id).collect::<Vec<_>>(), [264, 265, 266, 267]);
    assert!(added().iter().all(|token| token.normalized != token.special));
    assert_eq!(special(added()), ["<|endoftext|>"]);
    fs::write(dir.join("special_tokens_map.json"), r#"{"pad_token": "[PAD]", "extra_special_tokens": ["<b>"]}"#)
        .unwrap();
    assert_eq!(special(added()), ["<|endoftext|>", "<b>", "[PAD]"]);
    // A token of the vocabulary that has a purpose was never listed.
    fs::write(dir.join("special_tokens_map.json"), r#"{"cls_token": {"content": "!", "lstrip": true}}"#).unwrap();
    assert_eq!(special(added()), ["!", "<|endoftext|>"]);
    assert!(added()[0].lstrip);
    // Where tokenizer_config.json has its list, it alone counts.
    let decoder = r#"{"added_tokens_decoder": {"265": {"content": "<c>", "rstrip": true, "special": true}}}"#;
    fs::write(dir.join("tokenizer_config.json"), decoder).unwrap();
    let c = AddedToken { rstrip: true, ..AddedToken::special(265, "<c>") };
    assert_eq!(added(), [AddedToken::special(264, "<|endoftext|>"), c]);
    fs::write(dir.join("tokenizer_config.json"), r#"{"added_tokens_decoder": {"x": {}}}"#).unwrap();
    assert_eq!(refused(&dir), r#"tokenizer_config.json: added_tokens_decoder: "x" is no token"#);
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    fs::write(dir.join("added_tokens.json"), r#"{"<a>": "x"}"#).unwrap();
    assert_eq!(refused(&dir), r#"added_tokens.json: vocabulary: the id of token "<a>" is not an integer"#);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn an_added_token_without_a_row_is_left_out_with_a_note() {
    let (dir, json) = with_vocabulary("rows");
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    let added = |id: usize, content: &str| Json::object([("id", id.into()), ("content", content.into())]);
    let list = vec![added(299, "<a>"), added(300, "[PAD]"), added(301, "<b>"), added(264, "<|endoftext|>")];
    fs::write(dir.join("tokenizer.json"), with(&json, &["added_tokens"], Json::Array(list)).to_string()).unwrap();
    let mut notes = Vec::new();
    let found = read(&dir, 300, &mut notes).unwrap().unwrap();
    assert_eq!(found.added().iter().map(|token| token.id).collect::<Vec<_>>(), [264, 299]);
    let note =
        r#"left out are added tokens whose ids are not below the model's vocab_size, 300: "[PAD]" (300) and 1 more"#;
    assert_eq!(notes, [format!("{}: {note}", dir.join("tokenizer.json").display())]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_merge_that_merges_txt_cannot_hold_leaves_one_file() {
    let (dir, _) = with_vocabulary("one-file");
    let merge = |a: &str, b: &str| (a.to_string(), b.to_string());
    let vocab = [tokenizer().vocab(), vec![("a b".to_string(), 270), ("a bc".to_string(), 271)]].concat();
    let odd = Tokenizer::from_vocab(&vocab, &[tokenizer().merges(), vec![merge("a b", "c")]].concat()).unwrap();
    for name in ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    write(&dir, &odd).unwrap();
    assert!(!dir.join("merges.txt").exists() && !dir.join("vocab.json").exists());
    assert_eq!(load(&dir).unwrap().tokenizer, Some(odd));
    fs::remove_dir_all(&dir).unwrap();
}

/// Added tokens of every kind, with ids in a range of which some are taken.
fn added_tokens() -> impl Strategy<Value = Vec<AddedToken>> {
    let content = "<[abé語]{1,3}>|\\[PAD\\]| x|é|th|<\\|endoftext\\|>|odd one";
    let token =
        (content, any::<[bool; 5]>()).prop_map(|(content, [special, single_word, lstrip, rstrip, normalized])| {
            AddedToken { id: 0, content, special, single_word, lstrip, rstrip, normalized }
        });
    let place = |tokens: Vec<AddedToken>| (280..).step_by(2).zip(tokens).map(|(id, token)| AddedToken { id, ..token });
    prop::collection::vec(token, 0..8).prop_map(move |tokens| place(tokens).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..Default::default() })]

    /// Both from the one file and from those of older programs.
    #[test]
    fn what_is_written_is_read_again(
        added in added_tokens(), gone in prop::collection::vec(any::<u8>(), 0..4), turn in 0u32..50, text in "[the <>é語]{0,20}",
    ) {
        let dir = std::env::temp_dir().join(format!("gpt60-hf-again-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        // The vocabulary of the other tests without some bytes, with ids of its own, and with odd tokens.
        let used: HashSet<String> = tokenizer().merges().into_iter().flat_map(|(a, b)| [a, b]).collect();
        let byte = |byte: &u8| gone.contains(byte);
        let is_gone = |symbol: &str| {
            let mut symbols = symbol.chars();
            let only = symbols.next().filter(|_| symbols.next().is_none()).and_then(symbol_to_byte);
            only.as_ref().is_some_and(byte) && !used.contains(symbol)
        };
        let mut vocab: Vec<(String, u32)> = tokenizer().vocab();
        vocab.retain(|(symbol, _)| !is_gone(symbol));
        vocab.iter_mut().for_each(|(_, id)| *id = (*id + turn) % 265);
        vocab.extend(["odd one", "語", "<é>", ""].map(str::to_string).into_iter().zip(270..));
        vocab.sort_by_key(|&(_, id)| id);
        let expected = Tokenizer::from_vocab(&vocab, &tokenizer().merges()).unwrap().with_added(added).unwrap();
        prop_assert_eq!(expected.clone().with_added(vec![]).unwrap(), expected.clone());

        write(&dir, &expected).unwrap();
        let mut settings = Json::Object(Vec::new());
        fill_tokenizer_config(&mut settings, &expected);
        fs::write(dir.join("tokenizer_config.json"), settings.to_string()).unwrap();
        let again = read(&dir, 400, &mut Vec::new()).unwrap().unwrap();
        prop_assert_eq!(&again, &expected);
        prop_assert_eq!(again.encode_with_end(&text), expected.encode_with_end(&text));
        fs::remove_file(dir.join("tokenizer.json")).unwrap();
        prop_assert_eq!(read(&dir, 400, &mut Vec::new()).unwrap(), Some(expected));
        fs::remove_dir_all(&dir).unwrap();
    }
}
