//! The page of `explore`: what it says of a model is what the model computed, it loads nothing, and it takes any prompt.
//!
//! How the page behaves in a browser is checked by `explore_page.py` beside this file.

#[path = "common/examples.rs"]
mod examples;

use examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{Dtype, Json, hugging_face};
use gpt60::float16;
use gpt60::generate::greedy;
use gpt60::layers::{gelu, softmax};
use gpt60::lens::logit_lens::{Guess, Reading};
use gpt60::lens::page_data;
use gpt60::lens::trace::{BlockTrace, Trace};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Pass, Probe, Rng, Tensor, storybook};
use std::fs;
use std::path::Path;

/// A number as an `f16` is at most half a step off: 2^-11 of the number. The largest number of a tensor says how much that is
/// for the smaller ones, which are off by less.
const F16: f64 = 1.0 / 2048.0;

const DATA: &str = "<script type=\"application/json\" id=\"data\">";

/// The text between the page's tags for data, as a browser finds it.
fn data_text(page: &str) -> &str {
    let data = page.split(DATA).nth(1).expect("the page has data");
    data.split("</script>").next().unwrap()
}

fn data_of(page: &str) -> Json {
    Json::parse(data_text(page)).unwrap()
}

/// Runs `explore` in `dir` and reads the page that it wrote.
fn explore(dir: &Path, args: &[&str]) -> (String, String) {
    let (stdout, stderr) = success(run(&mut command(dir, "explore", args)));
    (fs::read_to_string(dir.join(stdout.trim_end())).unwrap(), stderr)
}

/// Base64 by the book: RFC 4648, section 4.
fn bytes_of(letters: &Json) -> Vec<u8> {
    let six = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is no letter of base64"),
    };
    let mut bytes = Vec::new();
    for four in letters.as_str().unwrap().as_bytes().chunks(4) {
        assert_eq!(four.len(), 4);
        let n = four.iter().take_while(|&&letter| letter != b'=').count();
        let bits = four[..n].iter().fold(0u32, |bits, &letter| bits << 6 | u32::from(six(letter))) << (6 * (4 - n));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..n]);
    }
    bytes
}

/// The numbers of an array of the page.
fn f16s(letters: &Json) -> Vec<f32> {
    bytes_of(letters).chunks(2).map(|two| float16::F16(u16::from_le_bytes([two[0], two[1]])).value()).collect()
}

fn f32s(letters: &Json) -> Vec<f32> {
    bytes_of(letters).chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

fn ids_of(data: &Json) -> Vec<u32> {
    data.get("ids").unwrap().as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

fn number(data: &Json, key: &str) -> usize {
    data.get(key).and_then(Json::as_usize).unwrap_or_else(|| panic!("{key}"))
}

fn random_model(config: &Config) -> Gpt2 {
    let mut model = Gpt2::zeros(config).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
    }
    model
}

/// Compares everything that a page says with what the model computes.
fn check_page(data: &Json, model: &Gpt2, ids: &[u32]) {
    let n_seq = ids.len();
    let Config { n_vocab, n_ctx, n_embd, n_head, n_layer, n_inner, .. } = model.config;
    for (key, n) in [
        ("n_vocab", n_vocab),
        ("n_ctx", n_ctx),
        ("n_embd", n_embd),
        ("n_head", n_head),
        ("n_layer", n_layer),
        ("n_inner", n_inner),
    ] {
        assert_eq!(number(data, key), n, "{key}");
    }
    assert_eq!(ids_of(data), ids);

    let mut probe = Probe::everything();
    model.hidden(ids, Pass::new(n_seq).watched_by(&mut probe)).unwrap();
    let same = |found: &Json, name: &str| {
        let expected = probe.get(name).unwrap();
        let found = Tensor::new(expected.shape(), f16s(found)).unwrap();
        found.check_close(expected, F16).unwrap_or_else(|difference| panic!("{name}: {difference}"));
    };
    same(data.get("wte").unwrap(), "wte");
    same(data.get("wpe").unwrap(), "wpe");
    let blocks = data.get("blocks").unwrap().as_array().unwrap();
    assert_eq!(blocks.len(), n_layer);
    for (i, block) in blocks.iter().enumerate() {
        for (key, name) in [
            ("ln_1", "ln_1"),
            ("q", "attn.q"),
            ("k", "attn.k"),
            ("v", "attn.v"),
            ("attn_out", "attn.out"),
            ("ln_2", "ln_2"),
            ("fc", "mlp.fc"),
            ("mlp_out", "mlp.out"),
        ] {
            same(block.get(key).unwrap(), &format!("h.{i}.{name}"));
        }
        // The page makes the attention weights out of the scores: scaled, masked, softmax.
        let scores = f16s(block.get("scores").unwrap());
        let weights = probe.get(&format!("h.{i}.attn.weights")).unwrap();
        assert_eq!(scores.len(), n_head * n_seq * n_seq);
        let largest = scores.iter().fold(0.0_f32, |largest, score| largest.max(score.abs()));
        let scale = 1.0 / ((n_embd / n_head) as f32).sqrt();
        // An error e in a score changes a weight by at most e/2 of itself and its share of the others' errors: e in all.
        let tolerance = f64::from(largest * scale) * F16 + 1e-5;
        for (row, scores) in scores.chunks(n_seq).enumerate() {
            let t = row % n_seq;
            let masked = |(j, score): (usize, &f32)| if j <= t { score * scale } else { f32::NEG_INFINITY };
            let scores = Tensor::new(&[1, n_seq], scores.iter().enumerate().map(masked).collect()).unwrap();
            let found = softmax::forward(&scores).into_data();
            assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5 && found[t + 1..].iter().all(|&w| w == 0.0));
            for (found, expected) in found.iter().zip(weights.row(row)) {
                assert!(f64::from((found - expected).abs()) <= tolerance, "block {i}, row {row}: {found}, {expected}");
            }
        }
        // And the middle of the MLP after GELU out of that before. GELU is nowhere steeper than 1.13.
        let before = Tensor::new(&[n_seq, n_inner], f16s(block.get("fc").unwrap())).unwrap();
        let act = probe.get(&format!("h.{i}.mlp.act")).unwrap();
        let largest = before.data().iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        for (found, expected) in gelu::forward(&before).data().iter().zip(act.data()) {
            assert!(f64::from((found - expected).abs()) <= 1.13 * F16 * f64::from(largest) + 1e-6);
        }
    }

    // The logits have all their digits.
    let logits = model.logits(ids).unwrap();
    assert_eq!(f32s(data.get("logits").unwrap()), logits.row(n_seq - 1));

    // The lens: a row after the embedding and after each block, and the last one is the model's answer.
    let probabilities = softmax::forward(&logits);
    let lens = data.get("lens").unwrap().as_array().unwrap();
    assert_eq!(lens.len(), n_layer + 1);
    for (layer, row) in lens.iter().enumerate() {
        let name = if layer == 0 { "embd".to_string() } else { format!("h.{}.out", layer - 1) };
        let stream = model.ln_f.forward(probe.get(&name).unwrap()).unwrap();
        let scores = model.head(&stream).unwrap();
        let here = softmax::forward(&scores);
        assert_eq!(row.as_array().unwrap().len(), n_seq);
        for (t, reading) in row.as_array().unwrap().iter().enumerate() {
            let reading = reading.as_array().unwrap();
            let answer = Tensor::new(&[n_vocab], logits.row(t).to_vec()).unwrap().argmax().unwrap();
            let rank = reading[0].as_usize().unwrap();
            let is_before = |(id, &score): (usize, &f32)| {
                score > scores.row(t)[answer] || (score == scores.row(t)[answer] && id < answer)
            };
            assert_eq!(rank, scores.row(t).iter().enumerate().filter(|&it| is_before(it)).count());
            assert_eq!(reading.len(), 1 + 2 * n_vocab.min(5));
            let mut last = f32::INFINITY;
            for guess in reading[1..].chunks(2) {
                let (id, p) = (guess[0].as_usize().unwrap(), guess[1].as_f32().unwrap());
                assert_eq!(here.row(t)[id], p);
                assert!(p <= last);
                last = p;
            }
            if layer == n_layer {
                assert_eq!((rank, reading[1].as_usize().unwrap()), (0, answer));
                assert_eq!(reading[2].as_f32().unwrap(), probabilities.row(t)[answer]);
            }
        }
    }

    // Surprise: what the model gave to each token before it came.
    let surprise = data.get("probability_of_next").unwrap().as_array().unwrap();
    assert_eq!(surprise.len(), n_seq - 1);
    for (t, &next) in ids[1..].iter().enumerate() {
        assert_eq!(surprise[t].as_f32().unwrap(), probabilities.row(t)[next as usize]);
    }
}

#[test]
fn the_page_of_the_storybook_says_what_the_storybook_computes() {
    let dir = scratch("explore-storybook");
    let story = storybook::load();
    let tokenizer = story.tokenizer.unwrap();
    let prompt = "The little dog ran to the";
    let (page, _) = explore(&dir, &[prompt, "--out", "dog.html"]);
    assert!(fs::read_dir(&dir).unwrap().count() == 1, "nothing but the page is left");
    let data = data_of(&page);
    let ids = tokenizer.encode(prompt);
    check_page(&data, &story.model, &ids);
    // What greedy would write is the likeliest token of the page.
    let next = greedy(&story.model, &ids, &[]).unwrap().next().unwrap().unwrap();
    let logits = f32s(data.get("logits").unwrap());
    assert_eq!(Tensor::new(&[logits.len()], logits).unwrap().argmax().unwrap(), next as usize);
    // The vocabulary: a token's text, or its bytes.
    let vocabulary = data.get("vocabulary").unwrap().as_array().unwrap();
    assert_eq!(vocabulary.len(), story.model.config.n_vocab);
    for (id, token) in vocabulary.iter().enumerate() {
        let bytes = match token {
            Json::String(text) => text.as_bytes().to_vec(),
            token => token.as_array().unwrap().iter().map(|byte| byte.as_usize().unwrap() as u8).collect(),
        };
        assert_eq!(bytes, tokenizer.token_bytes(id as u32).unwrap());
        assert_eq!(token.as_str().is_some(), std::str::from_utf8(&bytes).is_ok());
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_smallest_model_without_a_vocabulary_has_a_page() {
    let dir = scratch("explore-tiny");
    let model = random_model(&Config::new(11, 8, 8, 1, 1));
    fs::create_dir(dir.join("model")).unwrap();
    hugging_face::save(dir.join("model"), &model, None, Dtype::F32).unwrap();
    for ids in [&[3][..], &[0, 10, 0, 1, 2, 3, 4, 5]] {
        let given = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let (page, _) = explore(&dir, &["--model", "model", "--ids", &given]);
        let data = data_of(&page);
        assert!(data.get("vocabulary").unwrap().is_null());
        assert_eq!(data.get("name").unwrap().as_str(), Some("model"));
        check_page(&data, &model, ids);
    }
    let error = error_of(run(&mut command(&dir, "explore", &["--model", "model", "text"])), 1);
    assert!(error.contains("--ids"), "{error}");
    let error = error_of(run(&mut command(&dir, "explore", &["--model", "model", "--ids", "0 0 0 0 0 0 0 0 0"])), 1);
    assert!(error.contains("9 tokens") && error.contains("holds 8"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn no_text_breaks_out_of_the_data() {
    let dir = scratch("explore-text");
    let tokenizer = Tokenizer::learn("the cat</script><|endoftext|>the </script>hat", 266).unwrap();
    // More rows than tokens: some models pad their table.
    let model = random_model(&Config::new(270, 96, 12, 3, 2));
    let name = "a<b>&'{{program}}";
    fs::create_dir(dir.join(name)).unwrap();
    hugging_face::save(dir.join(name), &model, Some(&tokenizer), Dtype::F32).unwrap();
    let prompt = "\"</script><!-- <script>🦀 \\u003c é\u{2028}\0{{data}}";
    let prompt = prompt.replace('\0', "\u{1}"); // no operating system takes a 0 in an argument
    let (page, _) = explore(&dir, &["--model", name, &prompt]);
    let data = data_text(&page);
    assert!(!data.contains('<'));
    assert_eq!(page.matches(DATA).count(), 1);
    // The page's own tags are as many as in any other page.
    let (plain, _) = explore(&dir, &["--model", name, "hat"]);
    assert_eq!(page.matches("<script").count(), plain.matches("<script").count());
    assert_eq!(page.matches("</script>").count(), plain.matches("</script>").count());

    let data = data_of(&page);
    let ids = ids_of(&data);
    assert_eq!(ids, tokenizer.encode(&prompt));
    assert_eq!(data.get("name").unwrap().as_str(), Some(name));
    check_page(&data, &model, &ids);
    let vocabulary = data.get("vocabulary").unwrap().as_array().unwrap();
    assert_eq!(vocabulary.len(), 270);
    assert!(vocabulary[tokenizer.n_vocab()..].iter().all(Json::is_null));
    assert!(vocabulary.iter().any(|token| token.as_str().is_some_and(|text| text.contains("</"))));
    // The crab's four bytes are tokens of their own: shown as bytes.
    let crab = tokenizer.encode("🦀");
    assert_eq!(crab.len(), 4);
    assert_eq!(vocabulary[crab[0] as usize].to_string(), "[240]");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_prompt_longer_than_the_page_is_shown_from_its_end() {
    let dir = scratch("explore-long");
    let story = storybook::load();
    let ids: Vec<u32> = (0..100).collect();
    let given = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let (page, stderr) = explore(&dir, &["--ids", &given]);
    assert!(stderr.contains("64") && stderr.contains("100"), "{stderr}");
    let data = data_of(&page);
    assert_eq!(number(&data, "n_before"), 36);
    assert_eq!(f32s(data.get("logits").unwrap()), story.model.logits(&ids[36..]).unwrap().row(63));
    assert_eq!(ids_of(&data), &ids[36..]);
    // What fits is shown whole, and nothing is said.
    let (page, stderr) = explore(&dir, &["--ids", &given.split(' ').take(64).collect::<Vec<_>>().join(" ")]);
    assert!(!stderr.contains("room"), "{stderr}");
    assert_eq!(number(&data_of(&page), "n_before"), 0);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_live_page_holds_the_whole_storybook_and_nothing_is_rounded() {
    let dir = scratch("explore-live");
    let story = storybook::load();
    let tokenizer = story.tokenizer.unwrap();
    let prompt = "\"</script>\n 🦀 {{data}}{{program}}";
    let (page, _) = explore(&dir, &["--live", prompt, "--out", "live.html"]);
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    let data = data_of(&page);
    assert_eq!(data.get("prompt").unwrap().as_str(), Some(prompt));
    assert_eq!(number(&data, "end_of_text"), tokenizer.end_of_text().unwrap() as usize);

    let numbers = f16s(data.get("weights").unwrap());
    let mut rest = &numbers[..];
    let listed = data.get("parameters").unwrap().as_array().unwrap();
    assert_eq!(listed.len(), story.model.parameters().unwrap().len());
    for (listed, (name, tensor)) in listed.iter().zip(story.model.parameters().unwrap()) {
        let listed = listed.as_array().unwrap();
        let shape: Vec<usize> = listed[1..].iter().map(|n| n.as_usize().unwrap()).collect();
        assert_eq!((listed[0].as_str().unwrap(), &shape[..]), (&*name, tensor.shape()));
        let (these, after) = rest.split_at(tensor.data().len());
        assert!(these == tensor.data(), "{name}");
        rest = after;
    }
    assert!(rest.is_empty());

    let merges = data.get("merges").unwrap().as_array().unwrap();
    assert_eq!(merges.len(), tokenizer.merges().len());
    for (merge, (left, right)) in merges.iter().zip(tokenizer.merges()) {
        let ids = merge.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32);
        let symbols: Vec<String> = ids.map(|id| tokenizer.symbol(id).unwrap()).collect();
        assert_eq!(symbols, [left.clone(), right.clone(), left + &right]);
    }
    assert_eq!(data.get("vocabulary").unwrap().as_array().unwrap().len(), tokenizer.n_vocab());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_live_page_takes_the_storybook_and_text_alone() {
    let dir = scratch("explore-live-errors");
    for args in [["--live", "--model", "gpt2"], ["--live", "--ids", "5 17 3"]] {
        let error = error_of(run(&mut command(&dir, "explore", &args)), 2);
        assert!(error.contains(args[1]) && error.contains("live"), "{error}");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

#[test]
fn the_forward_pass_of_the_live_page_is_as_short_as_the_book_says() {
    let gpt2 = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore/gpt2.js")).unwrap();
    assert!(gpt2.lines().count() < 100, "{}", gpt2.lines().count());
    // The sixty lines' functions, but for those that the other pictures need too, and writing on.
    let sixty = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sixty_lines.rs")).unwrap();
    let lines = sixty.split("sixty lines end").next().unwrap().lines();
    let names = lines.filter_map(|line| line.trim_start_matches("pub ").strip_prefix("fn ")?.split('(').next());
    let numbers =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore/numbers.js")).unwrap();
    let mut n_found = 0;
    for name in names.filter(|&name| name != "generate") {
        let function = format!("function {name}(");
        assert!(gpt2.contains(&function) || numbers.contains(&function), "{name}");
        n_found += 1;
    }
    assert_eq!(n_found, 9);
}

#[test]
fn a_file_that_cannot_be_written_is_one_line() {
    let dir = scratch("explore-unwritable");
    fs::create_dir(dir.join("folder")).unwrap();
    for out in ["no-such-folder/page.html", "folder"] {
        let error = error_of(run(&mut command(&dir, "explore", &["--out", out])), 1);
        assert!(error.contains(out) && error.contains("cannot be written"), "{error}");
    }
    error_of(run(&mut command(&dir, "explore", &["--out", ""])), 2);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no half of a page is left");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_page_loads_nothing() {
    let dir = scratch("explore-loads");
    for args in [&["Once upon a time"][..], &["--live"]] {
        let (page, _) = explore(&dir, args);
        for word in [
            "http:",
            "https:",
            "src=",
            "href=",
            "<link",
            "@import",
            "url(",
            "import(",
            "fetch(",
            "XMLHttp",
            "WebSocket",
        ] {
            assert!(!page.contains(word), "the page has {word}");
        }
        assert!(!page.contains("{{"), "something was not filled in");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_part_names_a_file_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut n_found = 0;
    for file in fs::read_dir(root.join("examples/explore")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in text.split("src/").skip(1) {
            let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || "/_.".contains(*c)).collect();
            assert!(root.join("src").join(path.trim_end_matches('.')).exists(), "there is no src/{path}");
            n_found += 1;
        }
    }
    assert!(n_found >= 10, "{n_found}");
}

#[test]
fn a_page_about_32_tokens_of_the_smallest_gpt2_stays_under_12_megabytes() {
    // No model is needed for that: numbers take the same room whatever they are. Only the lens and the surprise are written
    // out as decimals; the smallest number has the most letters.
    let config = Config::gpt2();
    let (n_seq, d) = (32, config.n_embd);
    let guess = Guess { id: 50000, probability: f32::MIN_POSITIVE };
    let reading = Reading { guesses: vec![guess; 5], rank_of_answer: 50000 };
    let zeros = || Tensor::zeros(&[n_seq, d]);
    let block = BlockTrace {
        ln_1: zeros(),
        q: zeros(),
        k: zeros(),
        v: zeros(),
        scores: Tensor::zeros(&[config.n_head, n_seq, n_seq]),
        attn_out: zeros(),
        ln_2: zeros(),
        fc: Tensor::zeros(&[n_seq, config.n_inner]),
        mlp_out: zeros(),
    };
    let trace = Trace {
        ids: vec![50000; n_seq],
        wte: zeros(),
        wpe: zeros(),
        blocks: vec![block; config.n_layer],
        lens: vec![vec![reading; n_seq]; config.n_layer + 1],
        probability_of_next: vec![f32::MIN_POSITIVE; n_seq - 1],
        logits: vec![0.0; config.n_vocab],
        config,
    };
    let data = page_data::to_json(&trace, Some(&Tokenizer::gpt2()), "gpt2", 0).len();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore");
    let frame: u64 = fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let page = data + frame as usize;
    assert!(page < 12_000_000, "{page} bytes");
    // And the data are there: 3,7 million numbers of two bytes in base64.
    assert!(data > 3_700_000 * 8 / 3, "{data} bytes");
}
