//! Every way to choose the next token, side by side, and a person beside them. See `docs/09-beam-search.md`.
//!
//! ```text
//! cargo run --example compare
//! cargo run --example compare -- --tokens 40 --seed 7
//! ```

use gpt60::Rng;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::generate::statistics::{LOOK_BACK, Statistics};
use gpt60::generate::{BeamSearch, MAX_TOGETHER, Sampler};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "compare",
    about: "Continues four beginnings in every possible way, and measures the texts, beside what a person wrote:\n\
            how sure the model was (entropy), how it was surprised (perplexity), and how much is said twice (distinct-2,\n\
            the share of different pairs, and repeated, the share of tokens that stand among the 32 before them).",
    operands: "",
    max_operands: 0,
    flags: &[
        cli::MODEL,
        Flag {
            name: "--tokens",
            value: "N",
            help: "how long each text is, at most as long as the person's (default: 60)",
        },
        Flag {
            name: "--answers",
            value: "N",
            help: "how many texts each way that draws writes of each beginning (default: 5)",
        },
        cli::SEED,
    ],
    chapter: "docs/09-beam-search.md",
};

/// Beginnings, and how a person went on: written for this example, in the manner of old children's books.
const TEXTS: [(&str, &str); 4] = [
    (
        "Once upon a time",
        " there lived in a hollow oak at the edge of the meadow a squirrel who was too proud to gather his own nuts. All summer \
         long he sat upon the highest branch and combed his tail, and when the other squirrels called to him to come down and \
         help, he only laughed. \"Winter is far away,\" said he, \"and besides, I have a cousin in the next wood who owes me a \
         favor.\"",
    ),
    (
        "The little fox",
        " put his nose out of the den and sniffed. It had rained in the night, and the whole wood smelled of wet leaves and \
         mushrooms. He had promised his mother to stay at home, but surely, he thought, a fox may go as far as the brook and \
         still be at home, if he comes back before anyone has noticed.",
    ),
    (
        "\"Why,\" said the old woman,",
        " \"I never saw such a boy in my life! You have climbed the hill, and crossed the bridge, and asked the miller and the \
         miller's wife, and all that time the goose has been sitting behind my stove.\" Tom looked, and there she was, with her \
         head under her wing, fast asleep.",
    ),
    (
        "When the king heard this,",
        " he grew so pale that his beard seemed black again. He sent for his three sons, and for the gardener, and for the cook \
         who knew about dragons; but nobody could tell him how a door that had been locked for a hundred years could stand \
         open in the morning, with a single blue feather lying on the step.",
    ),
];

/// A way to write.
enum Way {
    Sample(Sampler),
    Beams(BeamSearch),
    Person,
}

fn ways() -> Vec<(&'static str, Way)> {
    let sampler = || Sampler::new(0);
    let greedy = Sampler::greedy;
    vec![
        ("greedy", Way::Sample(greedy())),
        ("greedy, no 3 tokens twice", Way::Sample(Sampler { no_repeat_ngram: 3, ..greedy() })),
        ("greedy, penalty 1.2", Way::Sample(Sampler { repetition_penalty: 1.2, ..greedy() })),
        ("5 beams", Way::Beams(BeamSearch::new(5))),
        ("5 beams, drawn", Way::Beams(BeamSearch { sample: true, ..BeamSearch::new(5) })),
        ("temperature 0.7", Way::Sample(Sampler { temperature: 0.7, ..sampler() })),
        ("top-k 40", Way::Sample(Sampler { top_k: 40, ..sampler() })),
        ("top-p 0.9", Way::Sample(Sampler { top_p: 0.9, ..sampler() })),
        ("top-k 40, top-p 0.9", Way::Sample(Sampler { top_k: 40, top_p: 0.9, ..sampler() })),
        ("all probabilities", Way::Sample(sampler())),
        ("a person", Way::Person),
    ]
}

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 60)?;
        let (n_answers, seed): (usize, u64) = (args.number("--answers", 5)?, args.number("--seed", 42)?);
        if n_tokens == 0 || !(1..=MAX_TOGETHER).contains(&n_answers) {
            let rule = format!("--tokens must be at least 1, and --answers from 1 to {MAX_TOGETHER}");
            return Err(Failure::Usage(rule));
        }
        let checkpoint = args.model()?;
        let Some(tokenizer) = &checkpoint.tokenizer else {
            return Err(args.no_vocabulary("and the beginnings are texts"));
        };
        let (model, end_ids) = (&checkpoint.model, &checkpoint.end_ids);
        TEXTS
            .iter()
            .try_for_each(|(beginning, rest)| tokenizer.check_text(beginning).and(tokenizer.check_text(rest)))?;
        let beginnings = TEXTS.map(|(beginning, rest)| (tokenizer.encode(beginning), tokenizer.encode(rest)));

        cli::print(&format!(
            "{:<26} {:>8} {:>11} {:>11} {:>9}\n",
            "", "entropy", "perplexity", "distinct-2", "repeated"
        ))?;
        for (name, way) in ways() {
            let mut found = Vec::new();
            for (prompt, rest) in &beginnings {
                // No more than the person wrote, and no more than fits.
                let n_tokens = n_tokens.min(rest.len()).min((model.config.n_ctx + 1).saturating_sub(prompt.len()));
                let texts: Vec<Vec<u32>> = match &way {
                    Way::Person => vec![rest[..n_tokens].to_vec()],
                    Way::Sample(sampler) => {
                        let n = if sampler.temperature == 0.0 { 1 } else { n_answers };
                        let seeds = (0..n as u64).map(|i| Rng::new(seed.wrapping_add(i)));
                        let samplers = seeds.map(|rng| Sampler { rng, ..sampler.clone() }).collect();
                        let answers = model.generate_several(prompt, samplers, end_ids, n_tokens)?;
                        answers.into_iter().map(|answer| answer.ids).collect()
                    }
                    Way::Beams(search) => {
                        let seeds = (0..if search.sample { n_answers as u64 } else { 1 }).map(|i| seed.wrapping_add(i));
                        let searches = seeds.map(|seed| BeamSearch { sampler: Sampler::new(seed), ..search.clone() });
                        let texts = searches.map(|search| search.search(model, prompt, end_ids, n_tokens));
                        texts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().map(|found| found.ids).collect()
                    }
                };
                for text in texts {
                    found.push(Statistics::measure(model, prompt, &text)?);
                }
            }
            cli::print(&line(name, &found)?)?;
        }
        cli::note(&format!(
            "[the {LOOK_BACK} tokens before a token are searched for the same one; nats; means over all texts]"
        ));
        Ok(())
    })
}

/// The means over several texts, every token with equal weight.
fn line(name: &str, texts: &[Statistics]) -> Outcome<String> {
    let n: usize = texts.iter().map(|text| text.n_tokens).sum();
    let mean =
        |f: fn(&Statistics) -> f64| texts.iter().map(|text| f(text) * text.n_tokens as f64).sum::<f64>() / n as f64;
    let perplexity = mean(|text| text.perplexity.ln()).exp();
    let [entropy, distinct, repeated] =
        [mean(|text| text.entropy), mean(|text| text.distinct[1]), mean(|text| text.repetition)];
    cli::check_numbers("compare", &[entropy, perplexity, distinct, repeated])?;
    Ok(format!("{name:<26} {entropy:>8.2} {perplexity:>11.2} {distinct:>11.2} {repeated:>9.2}\n"))
}
