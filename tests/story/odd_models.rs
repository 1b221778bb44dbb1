//! Models with a tiny context, broken characters or damaged weights: the story stays whole.

use crate::examples::{command, error_of, run, scratch};
use crate::long_stories::remembered;
use crate::{notes, session, session_in};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::{AddedToken, Tokenizer};
use gpt60::{Config, Gpt2, Rng, Tensor};
use std::fs;
use std::path::Path;

/// A model with large random weights and a context of 8: it writes any bytes.
fn wild(dir: &Path, damage: Option<f32>) {
    let tokenizer = Tokenizer::learn("the fox and the bear ran and ran", 262).unwrap();
    let mut model = Gpt2::zeros(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 2)).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
        damage.iter().for_each(|x| tensor.data_mut().fill(*x));
    }
    checkpoint::save(dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
}

#[test]
fn a_tiny_context_and_broken_characters_do_no_harm() {
    let dir = scratch("story-wild");
    wild(&dir, None);
    let script =
        "The fox\n:more\n:more\n\n:choose\n2\n:retry\n:undo\n:undo\nran and ran and ran and ran and ran\n:save out\n";
    let session = || session_in(&dir, &["--model=.", "--tokens=50", "--temperature=2"], &format!("{script}:save! out"));
    let (stdout, stderr) = session(); // which asserts that standard output is UTF-8
    remembered(&stderr);
    assert_eq!(session().0, stdout);
    // What was saved is what was printed last.
    let saved = fs::read_to_string(dir.join("out")).unwrap();
    assert!(stdout.ends_with(&format!("\n{saved}")), "{saved:?} {stdout:?}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_model_that_cannot_go_on_leaves_the_story_unchanged() {
    let dir = scratch("story-damaged");
    wild(&dir, Some(3e38)); // numbers, but their sums are none
    let (stdout, stderr) = session_in(&dir, &["--model=."], "The fox\nran\n:more\n:choose\n:retry\n");
    assert_eq!(stdout, "The fox ran\n");
    assert_eq!(stderr.matches("not numbers").count(), 4, "{stderr}");
    assert!(notes(&stderr).iter().all(|line| line.starts_with('[')), "{stderr}");
    // Without a vocabulary there are no words.
    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(error_of(run(&mut command(&dir, "story", &["--model=."])), 1).contains("no vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
    // A knob that forbids everything can be turned back.
    let (stdout, stderr) = session(&["--no-repeat-ngram=1", "--tokens=3"], "The fox\n:no-repeat-ngram 0\n:more\n");
    assert!(stdout.len() > "The fox".len() && !stderr.contains("error"), "{stderr}");
}

/// A model that answers each `<speaker1>` by ` hi <speaker2>`, whatever it has read before: each token is followed by one.
#[test]
fn a_dialogue_keeps_the_marks_of_its_speakers() {
    let dir = scratch("story-dialogue");
    let speakers = (1..=2).map(|n| AddedToken::special(257 + n, &format!("<speaker{n}>")));
    let tokenizer = Tokenizer::learn("", 257).unwrap().with_added(speakers.collect()).unwrap();
    let (one, two) = (tokenizer.encode("<speaker1>")[0], tokenizer.encode("<speaker2>")[0]);
    assert_eq!((one, two), (258, 259));
    let next = |id: u8| tokenizer.encode(&char::from(id).to_string())[0];
    let chain = [(one, next(b'h')), (next(b'h'), next(b'i')), (next(b'i'), two), (two, 256)];
    // Each token is a direction of its own, which the model carries through unchanged, and the head has it for the next.
    let mut model = Gpt2::zeros(&Config::new(260, 64, 8, 2, 1)).unwrap();
    model.ln_f.weight.data_mut().fill(1.0);
    let mut wte = Tensor::zeros(&[260, 8]);
    let mut head = Tensor::zeros(&[260, 8]);
    for (i, (from, to)) in chain.into_iter().enumerate() {
        wte.row_mut(from as usize)[i] = 1.0;
        head.row_mut(to as usize)[i] = 1.0;
    }
    model.wte = wte.into();
    model.lm_head = Some(head.into());
    checkpoint::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
    let session = |args: &[&str], script: &str| {
        session_in(&dir, &[&["--model=.", "--temperature=0", "--tokens=3"], args].concat(), script)
    };
    // The mark that the model wrote is in the story, and read again: after it, the model ends its text.
    let (stdout, stderr) = session(&[], "a <speaker1>\n:more\n");
    assert_eq!(stdout, "a <speaker1>hi<speaker2>\n");
    assert!(stderr.contains("the model ended its text"), "{stderr}");
    // As in every prompt, <|endoftext|> is text, and that is said once.
    let (_, stderr) = session(&[], "<|endoftext|><speaker1>\n<|endoftext|><speaker1>\n");
    assert_eq!(
        stderr.matches("<|endoftext|> is read as text; --special reads it as the end token").count(),
        1,
        "{stderr}"
    );
    let (stdout, stderr) = session(&["--special"], "<|endoftext|><speaker1>\n");
    assert_eq!(stdout, "<|endoftext|><speaker1>hi<speaker2>\n");
    assert!(!stderr.contains("--special"), "{stderr}");
    // Elsewhere, an answer shows no special tokens.
    let greedy = run(&mut command(&dir, "greedy", &["--model=.", "--tokens=3", "<speaker1>"]));
    assert_eq!(String::from_utf8(greedy.stdout).unwrap(), "hi\n");
    fs::remove_dir_all(&dir).unwrap();
}
