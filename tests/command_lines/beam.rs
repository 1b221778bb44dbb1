//! `beam`: its answers, and the drawing of how they were found.

use crate::examples::success;
use crate::{example, spaced};
use gpt60::generate::BeamSearch;
use gpt60::storybook;

#[test]
fn beam_prints_a_line_for_each_answer_best_first() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let search = BeamSearch { count: 3, ..BeamSearch::new(4) };
    let expected = search.search(&story.model, &tokenizer.encode("The little fox"), &story.end_ids, 12).unwrap();
    let flags = ["--beams", "4", "--count", "3", "--tokens", "12"];
    let (stdout, stderr) = success(example("beam", &[&flags[..], &["The little fox"]].concat()));
    assert!(stderr.starts_with("The little fox\n"), "{stderr}");
    let lines: Vec<(&str, &str)> = stdout.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for ((score, text), expected) in lines.iter().zip(&expected) {
        assert!((score.parse::<f32>().unwrap() - expected.score).abs() < 1e-5, "{score}");
        let text_ids: Vec<u32> = expected.ids.iter().copied().filter(|id| !story.end_ids.contains(id)).collect();
        assert_eq!(*text, tokenizer.decode(&text_ids).unwrap().replace('\n', "\\n"));
    }
    let ids = spaced(&tokenizer.encode("The little fox"));
    let (stdout, _) = success(example("beam", &[&flags[..], &["--ids", &ids]].concat()));
    let found: Vec<&str> = stdout.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!(found, expected.iter().map(|found| spaced(&found.ids)).collect::<Vec<_>>());

    // One beam is greedy, whenever it may stop; and if it draws, chance decides.
    let text = |args: &[&str]| {
        let (stdout, _) =
            success(example("beam", &[args, &["--beams", "1", "--tokens", "60", "The little fox"]].concat()));
        stdout.split_once('\t').unwrap().1.to_string()
    };
    let greedy = success(example("greedy", &["--tokens", "60", "The little fox"])).0.trim_end().replace('\n', "\\n");
    for rule in ["false", "true", "never"] {
        assert_eq!(text(&["--early-stopping", rule]).trim_end().trim_end_matches("\\n"), greedy);
    }
    assert_ne!(text(&["--sample", "--seed", "1"]), text(&["--sample", "--seed", "2"]));
}

#[test]
fn beam_shows_how_the_beams_grow_in_lines_that_fit() {
    let flags = ["--show", "--beams", "3", "--tokens", "6"];
    let (quiet, _) = success(example("beam", &flags[1..]));
    for width in ["80", "30"] {
        let (stdout, stderr) = success(example("beam", &[&flags[..], &["--width", width]].concat()));
        assert_eq!(stdout, quiet);
        for n in 1..=6 {
            assert!(stderr.contains(&format!("step {n}\n")), "{stderr}");
        }
        let drawing: Vec<&str> = stderr.lines().take_while(|line| *line != "Once upon a time").collect();
        assert!(drawing.len() > 6 * 6, "{stderr}");
        assert!(drawing.iter().all(|line| line.chars().count() <= width.parse().unwrap()), "{stderr}");
    }
    let (_, stderr) = success(example("beam", &flags));
    assert!(stderr.contains("dropped") && stderr.contains("finished, score") && stderr.contains("beam 3"), "{stderr}");
}
