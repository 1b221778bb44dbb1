//! `greedy`: only the new text, ids for ids, and why a text ended.

use crate::examples::{command, error_of, run, scratch, success};
use crate::{example, spaced};
use gpt60::checkpoint::{self, Checkpoint, Dtype};
use gpt60::generate::greedy;
use gpt60::{Config, Gpt2, storybook};
use std::fs;

/// The ids that greedy generation gives.
fn greedy_ids(model: &Gpt2, prompt: &[u32], end_ids: &[u32], n: usize) -> Vec<u32> {
    greedy(model, prompt, end_ids).unwrap().take(n).map(|id| id.unwrap()).collect()
}

#[test]
fn greedy_prints_only_the_new_text() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    for (args, prompt) in [(vec![], "Once upon a time"), (vec!["The little fox"], "The little fox")] {
        let ids = greedy_ids(&story.model, &tokenizer.encode(prompt), &story.end_ids, 40);
        let text: Vec<u32> = ids.into_iter().filter(|id| !story.end_ids.contains(id)).collect();
        let (stdout, stderr) = success(example("greedy", &args));
        assert_eq!(stdout, tokenizer.decode(&text).unwrap() + "\n");
        assert!(stderr.starts_with(prompt), "{stderr}");
    }
    // An empty prompt is the beginning of a text.
    let ids = greedy_ids(&story.model, &story.end_ids, &story.end_ids, 5);
    let (stdout, _) = success(example("greedy", &["", "--tokens", "5"]));
    assert_eq!(stdout, tokenizer.decode(&ids).unwrap() + "\n");
    // And no tokens give no text.
    assert_eq!(success(example("greedy", &["--tokens", "0"])).0, "\n");
    assert_eq!(success(example("greedy", &["--tokens", "0", "--ids", "5 17 3"])).0, "\n");
}

#[test]
fn greedy_answers_ids_with_ids() {
    let story = storybook::load();
    let expected = spaced(&greedy_ids(&story.model, &[5, 17, 3], &story.end_ids, 6));
    for ids in ["5 17 3", " 5,17, 3 "] {
        let (stdout, stderr) = success(example("greedy", &["--ids", ids, "--tokens", "6"]));
        assert_eq!(stdout, format!("{expected}\n"));
        assert!(stderr.starts_with("3 ids"), "{stderr}");
    }
}

#[test]
fn greedy_says_why_a_text_ended() {
    let dir = scratch("ended");
    // All weights are zero, so all scores are zero, and the smallest id is chosen every time.
    let zeros = Gpt2::zeros(&Config::new(5, 8, 4, 2, 1)).unwrap();
    checkpoint::save(&dir, &zeros, None, Dtype::F32).unwrap();
    let (stdout, stderr) = success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2"])));
    assert_eq!(stdout, "0 0 0 0 0 0\n"); // 3 + 5 fill the context of 8; one more can be chosen, but not read
    assert!(stderr.contains("context of 8 tokens is full"), "{stderr}");
    // Seven tokens were asked for, and six fit. A request that fits gives no note.
    let (stdout, stderr) =
        success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2", "--tokens", "2"])));
    assert_eq!(stdout, "0 0\n");
    assert!(!stderr.contains("full"), "{stderr}");
    // A model without a vocabulary takes no text.
    assert!(error_of(run(&mut command(&dir, "greedy", &["--model", ".", "text"])), 1).contains("--ids"));

    // Now 0 is the end token. It is printed as an id.
    let config = fs::read_to_string(dir.join("config.json")).unwrap();
    let with_end = config.replace("\"eos_token_id\": null", "\"eos_token_id\": 0");
    assert_ne!(with_end, config);
    fs::write(dir.join("config.json"), with_end).unwrap();
    let (stdout, stderr) = success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2"])));
    assert_eq!(stdout, "0\n");
    assert!(stderr.contains("the model ended its text"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn greedy_ends_with_a_note_when_the_storybooks_context_is_full() {
    let (stdout, stderr) = success(example("greedy", &["--ids", "5 17 3", "--tokens", "400"]));
    let n_ids = stdout.split_whitespace().count();
    // The prompt and 253 tokens fill the context of 256; one more is chosen. Or the model ends its text earlier.
    let is_full = n_ids == 254 && stderr.contains("context of 256 tokens is full");
    assert!(is_full || (n_ids < 254 && stderr.contains("ended its text")), "{n_ids} ids: {stderr}");
}

#[test]
fn a_full_context_ends_every_kind_of_text() {
    let ids = ["5"; 252].join(" ");
    for name in ["greedy", "sixty_lines", "sample"] {
        let (stdout, stderr) = success(example(name, &["--tokens", "400", "--ids", &ids]));
        // Four more fill the context of 256, and the model also tells what follows the last of them.
        assert_eq!(stdout.split_whitespace().count(), 5, "{name}: {stderr}");
        // And what can be done: another example goes on, and another model looks at more.
        let line = stderr.lines().find(|line| line.contains("[the context of 256 tokens is full: ")).unwrap();
        assert!(line.contains("`story` writes on beyond it") && line.contains("train --n-ctx"), "{name}: {line}");
    }
}

#[test]
fn an_end_token_has_no_text_and_one_in_the_prompt_is_characters() {
    let dir = scratch("end-token");
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    // The storybook, told that its fourth token ends the text.
    let ids = greedy_ids(&story.model, &tokenizer.encode("The little fox"), &[], 4);
    assert!(!ids[..3].contains(&ids[3]));
    Checkpoint { end_ids: vec![ids[3]], ..story.clone() }.save(&dir, Dtype::F16).unwrap();
    for name in ["greedy", "sixty_lines"] {
        let (stdout, _) = success(run(&mut command(&dir, name, &["--model", ".", "The little fox"])));
        assert_eq!(stdout, tokenizer.decode(&ids[..3]).unwrap() + "\n", "{name}");
    }
    let prompt = tokenizer.encode("<|endoftext|>");
    assert!(prompt.len() > 1);
    let after = greedy_ids(&story.model, &prompt, &story.end_ids, 5);
    let (stdout, _) = success(example("greedy", &["--tokens", "5", "<|endoftext|>"]));
    assert_eq!(stdout, tokenizer.decode(&after).unwrap() + "\n");
    fs::remove_dir_all(&dir).unwrap();
}
