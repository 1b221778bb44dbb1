//! The split rule.

use crate::check::{Answer, Exercise, Mistake, Part, one};
use crate::exercises;
use gpt60::tokenizer::split;

pub fn exercise() -> Exercise<&'static str> {
    Exercise {
        name: "split",
        inputs,
        describe: |text| format!("the text {text:?}"),
        stub: |text| answer(exercises::split::split(text)),
        library: |text| answer(split(text)),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "white space is thrown away: joined together, the pieces must be the text",
                answer: |text| answer(text.split_whitespace().collect()),
            },
            Mistake {
                when: "the text is only cut at spaces, each of which stays with the word before it",
                answer: |text| answer(text.split_inclusive(' ').collect()),
            },
            Mistake {
                when: "the text is only cut before each space: there are more places inside a word",
                answer: |text| answer(before_spaces(text)),
            },
            Mistake {
                when: "the space is a piece of its own, though it belongs to the run that follows it",
                answer: |text| answer(cut(text, Rule { takes_space: |_| false, ..RULE })),
            },
            Mistake {
                when: "any white space is taken along in front of a run, though only a space is",
                answer: |text| answer(cut(text, Rule { takes_space: char::is_whitespace, ..RULE })),
            },
            Mistake {
                when: "contractions are not cut off: 's and the like are a piece by rule 1",
                answer: |text| answer(cut(text, Rule { contractions: &[], ..RULE })),
            },
            Mistake {
                when: "only contractions of one letter are cut off: 'll, 've and 're are missing",
                answer: |text| answer(cut(text, Rule { contractions: &["'s", "'d", "'m", "'t"], ..RULE })),
            },
            Mistake {
                when: "contractions are cut off in capital letters, too: the rule has only small ones",
                answer: |text| {
                    let both =
                        &["'s", "'d", "'m", "'t", "'ll", "'ve", "'re", "'S", "'D", "'M", "'T", "'LL", "'VE", "'RE"];
                    answer(cut(text, Rule { contractions: both, ..RULE }))
                },
            },
            Mistake {
                when: "the space before a contraction is taken along: rule 1 has no space in front",
                answer: |text| answer(cut(text, Rule { space_before_contraction: true, ..RULE })),
            },
            Mistake {
                when: "a contraction is cut off after a letter only: 5's has one, too, and so has 'tis",
                answer: |text| answer(cut(text, Rule { fits: |before, _| before.is_alphabetic(), ..RULE })),
            },
            Mistake {
                when: "a contraction is cut off at the end of a word only: 'tis begins with 't",
                answer: |text| answer(cut(text, Rule { fits: |_, after| !after.is_alphabetic(), ..RULE })),
            },
            Mistake {
                when: "a contraction is cut off inside a word only: after letters, and with no letter behind it",
                answer: |text| {
                    let inside = |before: char, after: char| before.is_alphabetic() && !after.is_alphabetic();
                    answer(cut(text, Rule { fits: inside, ..RULE }))
                },
            },
            Mistake {
                when: "a run of signs ends before a contraction: it goes on, and takes the ' along",
                answer: |text| answer(cut(text, Rule { ends_before_contraction: true, ..RULE })),
            },
            Mistake {
                when: "letters and numbers go into one run: they are two classes",
                answer: |text| {
                    answer(cut(text, Rule { class: |c| if c.is_alphanumeric() { 'a' } else { class(c) }, ..RULE }))
                },
            },
            Mistake {
                when: "each sign is a piece of its own: a run of signs is one piece, as with letters",
                answer: |text| answer(cut(text, Rule { longest_sign: 1, ..RULE })),
            },
            Mistake {
                when: "only ASCII letters are letters: è, я and 語 are, too",
                answer: |text| {
                    let ascii = |c: char| if c.is_alphabetic() && !c.is_ascii() { '!' } else { class(c) };
                    answer(cut(text, Rule { class: ascii, ..RULE }))
                },
            },
            Mistake {
                when: "only the digits 0 to 9 are numbers: ½ and ٣ are, too",
                answer: |text| {
                    let ascii = |c: char| if c.is_numeric() && !c.is_ascii() { '!' } else { class(c) };
                    answer(cut(text, Rule { class: ascii, ..RULE }))
                },
            },
            Mistake {
                when: "white space keeps its last character, though that belongs to what follows",
                answer: |text| answer(cut(text, Rule { leave: |_| false, ..RULE })),
            },
            Mistake {
                when: "white space leaves its last character even where nothing follows",
                answer: |text| answer(cut(text, Rule { leave: |_| true, ..RULE })),
            },
            Mistake {
                when: "white space leaves its last character only if that is a space: any is left",
                answer: |text| answer(cut(text, Rule { leave: |(last, more)| more && last == ' ', ..RULE })),
            },
        ],
    }
}

fn answer(pieces: Vec<&str>) -> Answer {
    one(Part::Texts(pieces.into_iter().map(str::to_string).collect()))
}

fn before_spaces(text: &str) -> Vec<&str> {
    let mut cuts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).filter(|&at| at > 0).collect();
    cuts.push(text.len());
    let mut from = 0;
    let pieces = cuts.into_iter().map(|to| &text[std::mem::replace(&mut from, to)..to]);
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// Only characters about which `std` and GPT-2's rule agree.
fn inputs() -> Vec<&'static str> {
    vec![
        "It's  5 o'clock!",
        "Alan Turing theorized",
        "We'll say 'I'VE seen' it: they're d'accord, I'd 've 'm",
        "abc123 x=4½ ... (٣) ?! 7b",
        "très bien, я и 語学\u{301} 🦀🦀 \u{200B}",
        "a   b\n\n   c \n d\te \n",
        "one  \u{3000}two\u{A0}\u{A0}3   ",
        "\t\tx \t\t!",
        "  ",
        " ",
        "'",
        "z",
        "",
        // Contractions after a number, at the beginning, with letters behind them, and in a run of signs.
        "5's 'tis I'llama",
        "'reveal\n'd ½'s",
        "(it)'s ''s !'ll",
    ]
}

/// The parts of the rule that can go wrong.
#[derive(Clone, Copy)]
struct Rule {
    contractions: &'static [&'static str],
    space_before_contraction: bool,
    /// Whether a contraction fits between the character before it (a space at the beginning) and the one behind it.
    fits: fn(char, char) -> bool,
    /// Does a run of signs end where a contraction begins?
    ends_before_contraction: bool,
    /// A sign for each class: `a` letters, `1` numbers, `!` signs, a space for white space.
    class: fn(char) -> char,
    /// What may stand in front of a run.
    takes_space: fn(char) -> bool,
    /// How many signs go into a run.
    longest_sign: usize,
    /// Does white space leave its last character, which is this one, if something follows it?
    leave: fn((char, bool)) -> bool,
}

const RULE: Rule = Rule {
    contractions: &["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"],
    space_before_contraction: false,
    fits: |_, _| true,
    ends_before_contraction: false,
    class,
    takes_space: |c| c == ' ',
    longest_sign: usize::MAX,
    leave: |(_, more)| more,
};

fn class(c: char) -> char {
    match c {
        c if c.is_alphabetic() => 'a',
        c if c.is_numeric() => '1',
        c if c.is_whitespace() => ' ',
        _ => '!',
    }
}

fn cut(text: &str, rule: Rule) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let before = text[..text.len() - rest.len()].chars().next_back().unwrap_or(' ');
        let (piece, after) = rest.split_at(first_piece(before, rest, rule));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn first_piece(before: char, text: &str, rule: Rule) -> usize {
    let chars: Vec<char> = text.chars().collect();
    let bytes = |n: usize| chars[..n].iter().map(|c| c.len_utf8()).sum::<usize>();
    let gap = usize::from(rule.space_before_contraction && chars[0] == ' ');
    let fits = |end: &str, rest: &str| (rule.fits)(before, rest[end.len()..].chars().next().unwrap_or(' '));
    let contraction =
        |rest: &str| rule.contractions.iter().find(|&&end| rest.starts_with(end) && fits(end, rest)).copied();
    if let Some(end) = contraction(&text[gap..]) {
        return gap + end.len();
    }
    let space = usize::from((rule.takes_space)(chars[0]));
    let run = |from: usize| {
        let class = (rule.class)(chars[from]);
        let most = if class == '!' { rule.longest_sign } else { usize::MAX };
        let goes_on = |i: usize| {
            let ends = rule.ends_before_contraction && i > from && contraction(&text[bytes(i)..]).is_some();
            (rule.class)(chars[i]) == class && !ends
        };
        (from..chars.len()).take_while(|&i| goes_on(i)).take(most).count()
    };
    if chars.get(space).is_some_and(|&c| (rule.class)(c) != ' ') {
        return bytes(space + run(space));
    }
    let n = run(0);
    let leaves = n > 1 && (rule.leave)((chars[n - 1], n < chars.len()));
    bytes(if leaves { n - 1 } else { n })
}
