//! The pictures of the book are those that the source draws, and they show what they say.
//!
//! If one of them differs, the model, the loss curve or the drawing has changed: `cargo run --example pictures` draws
//! them again.

#[path = "common/examples.rs"]
mod examples;

use examples::{command, error_of, run, scratch, success};
use gpt60::kernels::cpu::{self, Level};
use gpt60::lens::pictures::{self, attention};
use gpt60::storybook;
use std::fs;
use std::path::{Path, PathBuf};

const LOSS: &str = include_str!("../src/storybook/loss.txt");
const TEXTS: &str = include_str!("../src/storybook/samples.txt");
const SIZES: &str = include_str!("../src/storybook/scaling.txt");

/// Where the book keeps its pictures.
fn img() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/img")
}

/// The names of the SVG files in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

/// Fails with only the name: two files of thirty thousand letters help nobody.
fn assert_same(name: &str, drawn: &str) {
    let committed = fs::read_to_string(img().join(name)).unwrap_or_default();
    assert!(committed == drawn, "docs/img/{name} is not what the source draws: cargo run --example pictures");
}

#[test]
fn the_pictures_of_the_book_are_what_the_library_draws() {
    // As the example does: then the bits are the same on every processor. This holds for all tests of this program, and
    // none of them minds.
    assert!(cpu::force(Some(Level::Baseline)));
    let pictures = pictures::all(&storybook::load(), LOSS, TEXTS, SIZES).unwrap();
    for (name, svg) in &pictures {
        assert_same(name, svg);
    }
    let mut drawn: Vec<&str> = pictures.iter().map(|(name, _)| *name).collect();
    drawn.sort();
    assert_eq!(names(&img()), drawn, "docs/img has other files than the source draws");
}

#[test]
fn the_example_draws_them_with_any_instructions_and_any_number_of_threads() {
    let dir = scratch("pictures");
    for (out, settings) in
        [("usual", &[][..]), ("plain/alone", &[("GPT60_INSTRUCTIONS", "baseline"), ("GPT60_THREADS", "1")])]
    {
        let mut command = command(&dir, "pictures", &["--out", out]);
        let (stdout, _) = success(run(command.envs(settings.iter().copied())));
        assert_eq!(names(&dir.join(out)), names(&img()));
        for name in names(&img()) {
            assert_same(&name, &fs::read_to_string(dir.join(out).join(&name)).unwrap());
            let path = Path::new(out).join(&name);
            assert!(stdout.lines().any(|line| Path::new(line) == path), "{name}: {stdout}");
        }
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_in_one_line() {
    let dir = scratch("pictures-nowhere");
    fs::write(dir.join("file"), "").unwrap();
    for out in ["file", "file/below"] {
        assert!(error_of(run(&mut command(&dir, "pictures", &["--out", out])), 1).contains(out));
    }
    assert!(error_of(run(&mut command(&dir, "pictures", &["--out", ""])), 2).contains("--out"));
    fs::remove_dir_all(&dir).unwrap();
}

/// What is wrong with a text as XML, if anything: a tag that is not closed, or closed by another, or a letter with a
/// special meaning. It knows only what the pictures use: no comments, no declarations.
fn problem(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    let mut n_roots = 0;
    while let Some(at) = rest.find('<') {
        let (words, tag) = rest.split_at(at);
        let words =
            ["&lt;", "&gt;", "&amp;", "&quot;"].iter().fold(words.to_string(), |words, name| words.replace(name, ""));
        if words.contains(['&', '>']) || (open.is_empty() && !words.trim().is_empty()) {
            return Some(format!("loose text: {words:?}"));
        }
        let Some(end) = tag.find('>') else { return Some("a tag does not end".to_string()) };
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("</{name}> closes nothing"));
            }
            continue;
        }
        if inside.matches('"').count() % 2 != 0 || inside.contains('<') {
            return Some(format!("a quote is open in <{inside}>"));
        }
        n_roots += usize::from(open.is_empty());
        if !inside.ends_with('/') {
            open.push(inside.split_whitespace().next()?);
        }
    }
    match open.last() {
        Some(name) => Some(format!("<{name}> is not closed")),
        None if n_roots != 1 || !rest.trim().is_empty() => Some("not one element".to_string()),
        None => None,
    }
}

#[test]
fn the_check_of_tags_finds_what_is_wrong() {
    for good in ["<svg><a/><b x=\"1\">1 &lt; 2</b></svg>\n", "<svg/>"] {
        assert_eq!(problem(good), None, "{good}");
    }
    for bad in [
        "",
        "<svg>",
        "<svg></a>",
        "<svg><a></svg></a>",
        "<svg/><svg/>",
        "<svg>a & b</svg>",
        "<svg x=\"/>",
        "<svg/>x",
        "<a",
    ] {
        assert!(problem(bad).is_some(), "{bad}");
    }
}

#[test]
fn every_picture_can_be_shown_and_read_aloud() {
    for name in names(&img()) {
        let svg = fs::read_to_string(img().join(&name)).unwrap();
        assert_eq!(problem(&svg), None, "{name}");
        assert!(svg.len() <= 60_000, "{name} has {} bytes", svg.len());
        let title = svg.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
        assert!(title.is_some_and(|title| title.len() > 10), "{name} has no title");
        assert!(!svg.contains("NaN") && !svg.contains("href") && !svg.contains("url("), "{name}");
        // No letters that are too small to read.
        for size in svg.split("font-size=\"").skip(1) {
            let size: f64 = size.split('"').next().unwrap().parse().unwrap();
            assert!(size >= 12.0, "{name} has letters of {size}");
        }
        // Nothing begins outside the panel.
        let attribute = |tag: &str, name: &str| -> Option<f64> {
            tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.parse().ok()
        };
        let (width, height) = (attribute(&svg, "width").unwrap(), attribute(&svg, "height").unwrap());
        for tag in svg.lines() {
            let x =
                attribute(tag, "x").or(attribute(tag, "cx")).unwrap_or(0.0) + attribute(tag, "width").unwrap_or(0.0);
            let y =
                attribute(tag, "y").or(attribute(tag, "cy")).unwrap_or(0.0) + attribute(tag, "height").unwrap_or(0.0);
            assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{name}: {tag}");
        }
    }
}

#[test]
fn the_storybook_shares_out_its_attention_and_never_looks_ahead() {
    let story = storybook::load();
    let ids = story.tokenizer.unwrap().encode("One day a fox went down to the pond, and saw the moon.");
    let config = &story.model.config;
    let weights = attention::weights(&story.model, &ids).unwrap();
    assert!(ids.len() < 20 && weights.len() == config.n_layer);
    for block in &weights {
        assert_eq!(block.shape(), [config.n_head, ids.len(), ids.len()]);
        for i in 0..block.n_rows() {
            let (query, row) = (i % ids.len(), block.row(i));
            assert!(row[..=query].iter().all(|&weight| (0.0..=1.0).contains(&weight)));
            assert!(row[query + 1..].iter().all(|&weight| weight == 0.0));
            // Fewer than 20 numbers are added up, then all are divided: not 32 roundings of one part in 2^24.
            let sum: f64 = row.iter().map(|&weight| f64::from(weight)).sum();
            assert!((sum - 1.0).abs() < 32.0 / (1 << 24) as f64, "{sum}");
        }
    }
}
