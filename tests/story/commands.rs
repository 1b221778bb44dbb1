//! Commands in general: knobs are shown and set, mistakes are explained, and help names them all.

use crate::examples::{command, error_of, run};
use crate::{lines_of, notes, piece, session};
use gpt60::generate::Sampler;
use gpt60::storybook;

#[test]
fn knobs_are_shown_and_set() {
    let script = ":temperature\n:temperature 0.5\n:temperature\n:top-k 40\n:top-p 0.9\n:repetition-penalty 1.2\n\
                  :no-repeat-ngram 3\n:seed 7\n:tokens 9\n:top-k\nThe fox\n:seed\n";
    let (stdout, stderr) = session(&[], script);
    let turned = Sampler {
        temperature: 0.5,
        top_k: 40,
        top_p: 0.9,
        repetition_penalty: 1.2,
        no_repeat_ngram: 3,
        ..Sampler::new(7)
    };
    assert_eq!(stdout, lines_of(&[&format!("The fox{}", piece(&storybook::load(), "The fox", 9, turned))]));
    let said = "[temperature 0.8] [temperature 0.5] [temperature 0.5] [top-k 40] [top-p 0.9] [repetition-penalty 1.2] \
                [no-repeat-ngram 3] [seed 7] [tokens 9] [top-k 40] [seed 8]";
    assert_eq!(notes(&stderr).join(" "), said);
    // And as flags.
    let flags =
        "--temperature=0.5 --top-k=40 --top-p=0.9 --repetition-penalty=1.2 --no-repeat-ngram=3 --seed=7 --tokens=9";
    assert_eq!(session(&flags.split(' ').collect::<Vec<_>>(), "The fox\n").0, stdout);
}

#[test]
fn the_knobs_that_cut_and_the_stop_texts_are_settings_like_the_others() {
    let turned = Sampler { min_p: 0.1, typical_p: 0.9, epsilon_cutoff: 0.001, min_tokens: 5, ..Sampler::new(7) };
    let turned = Sampler { temperature: 0.8, top_p: 0.95, ..turned };
    let whole = piece(&storybook::load(), "The fox", 30, turned);
    // The turn stops before its third word, and the next one has other texts to stop at, or none.
    let word = whole.split_whitespace().nth(2).unwrap();
    let first = whole.split_once(word).unwrap().0;
    let script = format!(
        ":min-p 0.1\n:typical-p 0.9\n:epsilon-cutoff 0.001\n:min-tokens 5\n:stop\n:stop {word}\n:stop\n:seed 7\nThe fox\n\
         :stop off\n:undo\n:seed 7\n:more\n"
    );
    let (stdout, stderr) = session(&["--tokens=30"], &script);
    assert_eq!(stdout, lines_of(&[&format!("The fox{first}"), &format!("The fox{whole}")]));
    let said = format!(
        "[min-p 0.1] [typical-p 0.9] [epsilon-cutoff 0.001] [min-tokens 5] [stop off] [stop {word:?}] [stop {word:?}] [seed 7] \
         [a stop text ended the turn] [stop off] [the story now ends: \"The fox\"] [seed 7]"
    );
    assert_eq!(notes(&stderr).join(" "), said);
    // And as flags.
    let stop = format!("--stop={word}");
    let flags =
        ["--min-p=0.1", "--typical-p=0.9", "--epsilon-cutoff=0.001", "--min-tokens=5", "--seed=7", "--tokens=30"];
    assert_eq!(session(&[&flags[..], &[&stop]].concat(), "The fox\n").0, lines_of(&[&format!("The fox{first}")]));
    assert_eq!(session(&flags, "The fox\n").0, lines_of(&[&format!("The fox{whole}")]));
}

#[test]
fn a_command_that_makes_no_sense_is_explained_and_changes_nothing() {
    let bad = [
        (":foo", "\":foo\""),
        (":", ":help"),
        (": more", ":help"),
        (":quit now", "nothing stands after :quit"),
        (":undo 2", "nothing stands after :undo"),
        (":tokens 1e99", ":tokens 60"),
        (":tokens -1", ":tokens 60"),
        (":tokens 18446744073709551615", "10000 at most"),
        (":tokens 99999999999999999999", ":tokens 60"),
        (":temperature NaN", "must be 0 (the likeliest token) or above"),
        (":temperature 1e99", "must be 0 (the likeliest token) or above"),
        (":temperature -1", "must be 0 (the likeliest token) or above"),
        (":temperature 0,8", ":temperature 0.8"),
        (":top-p 2", "from 0 to 1"),
        (":top-k many", ":top-k 40"),
        (":min-p 2", "from 0 to 1"),
        (":typical-p 0", "above 0 and at most 1"),
        (":epsilon-cutoff 1", "from 0 to below 1"),
        (":min-tokens -1", ":min-tokens 20"),
        (":repetition-penalty 0", "above 0"),
        (":no-repeat-ngram 0.5", ":no-repeat-ngram 3"),
        (":seed 1.5", ":seed 7"),
        (":choose 0", "from 1 to 20"),
        (":choose 99999999999999999999", "from 1 to 20"),
        (":choose all", "from 1 to 20"),
        (":save", ":save story.txt"),
        (":save no-such-directory/story.txt", "no-such-directory/story.txt"),
        (":save .", "choose another name"),
        (":save! .", "choose another name"),
        (":sh\u{1b}[Dow", "control characters"),
    ];
    let script: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
    let expected = session(&["--tokens=8"], "The fox\nand\n").0;
    let (stdout, stderr) = session(&["--tokens=8"], &format!("The fox\n{script}and\n"));
    assert_eq!(stdout, expected);
    let lines = notes(&stderr);
    assert_eq!(lines.len(), bad.len(), "{stderr}");
    for ((command, remedy), line) in bad.iter().zip(lines) {
        let remedy = remedy.trim_matches('"').trim_start_matches(":foo");
        assert!(line.starts_with('[') && line.contains(remedy), "{command}: {line}");
    }
    // Too much is refused on the command line too, before anything is written.
    let dir = std::env::temp_dir();
    assert!(error_of(run(&mut command(&dir, "story", &["--tokens=10001"])), 2).contains("10000 at most"));
    assert!(error_of(run(&mut command(&dir, "story", &["--top-p=2"])), 2).contains("from 0 to 1"));
}

#[test]
fn help_names_every_command_and_show_shows_the_story() {
    let (stdout, stderr) = session(&["--tokens=0"], "The fox\nran.\n:show\n:help\n");
    assert_eq!(stdout, "The fox ran.\n");
    assert_eq!(stderr.lines().next(), Some("The fox ran."));
    let commands = "more retry choose undo show save save! temperature top-k top-p min-p typical-p epsilon-cutoff \
                    repetition-penalty no-repeat-ngram seed tokens min-tokens stop quit";
    for command in commands.split_whitespace() {
        assert!(stderr.contains(&format!(":{command} ")), "{command}: {stderr}");
    }
}
