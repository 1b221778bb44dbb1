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
                answer: |text| answer(cut(text, Rule { takes_space: |_, _| false, ..RULE })),
            },
            Mistake {
                when: "any white space is taken along in front of a run, though only a space is",
                answer: |text| answer(cut(text, Rule { takes_space: |c, _| c.is_whitespace(), ..RULE })),
            },
            Mistake {
                when: "signs have no space in front: it goes along, as with letters",
                answer: |text| answer(cut(text, Rule { takes_space: |c, class| c == ' ' && class != '!', ..RULE })),
            },
            Mistake {
                when: "numbers have no space in front: it goes along, as with letters",
                answer: |text| answer(cut(text, Rule { takes_space: |c, class| c == ' ' && class != '1', ..RULE })),
            },
            Mistake {
                when: "contractions are not cut off: 's and the like are a piece by rule 1",
                answer: |text| answer(cut(text, Rule { contractions: &[], ..RULE })),
            },
            Mistake {
                when: "only contractions of one letter are cut off: 'll, 've and 're are missing",
                answer: |text| answer(cut(text, Rule { contractions: &["'s", "'d", "'m", "'t"], ..RULE })),
            },
            Mistake { when: MISSING, answer: |text| answer(cut(text, Rule { contractions: &["'s", "'t"], ..RULE })) },
            Mistake { when: MISSING, answer: without::<0> },
            Mistake { when: MISSING, answer: without::<1> },
            Mistake { when: MISSING, answer: without::<2> },
            Mistake { when: MISSING, answer: without::<3> },
            Mistake { when: MISSING, answer: without::<4> },
            Mistake { when: MISSING, answer: without::<5> },
            Mistake { when: MISSING, answer: without::<6> },
            Mistake {
                when: "the curly ’ is taken for a ': contractions begin with a straight one",
                answer: |text| {
                    let both =
                        &["'s", "'d", "'m", "'t", "'ll", "'ve", "'re", "’s", "’d", "’m", "’t", "’ll", "’ve", "’re"];
                    answer(cut(text, Rule { contractions: both, ..RULE }))
                },
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
                answer: |text| {
                    answer(cut(text, Rule { longest: |class| if class == '!' { 1 } else { usize::MAX }, ..RULE }))
                },
            },
            Mistake {
                when: "a run of numbers ends after three digits, as in younger models: here it takes them all",
                answer: |text| {
                    answer(cut(text, Rule { longest: |class| if class == '1' { 3 } else { usize::MAX }, ..RULE }))
                },
            },
            Mistake {
                when: "only ASCII letters are letters: è, я and 語 are, too",
                answer: |text| classed(text, |c| if c.is_alphabetic() && !c.is_ascii() { '!' } else { class(c) }),
            },
            Mistake {
                when: "only the digits 0 to 9 are numbers: ½ and ٣ are, too",
                answer: |text| classed(text, |c| if c.is_numeric() && !c.is_ascii() { '!' } else { class(c) }),
            },
            Mistake {
                when: "_ is taken for a letter: it is a sign",
                answer: |text| classed(text, |c| if c == '_' { 'a' } else { class(c) }),
            },
            Mistake {
                when: "only ASCII signs are signs, and other characters are taken for letters: 🦀 is a sign",
                answer: |text| {
                    classed(text, |c| if class(c) == '!' && !c.is_ascii_punctuation() { 'a' } else { class(c) })
                },
            },
            Mistake {
                when: "an accent that is a character by itself is taken for a letter: `is_alphabetic` says no, so it is a sign",
                answer: |text| classed(text, |c| if ('\u{300}'..='\u{36F}').contains(&c) { 'a' } else { class(c) }),
            },
            Mistake {
                when: "only ASCII white space is white space: \\u{3000} and \\u{A0} are, too",
                answer: |text| classed(text, |c| if c.is_whitespace() && !c.is_ascii() { '!' } else { class(c) }),
            },
            Mistake {
                when: "control characters are taken for white space: most are signs",
                answer: |text| classed(text, |c| if c.is_control() { ' ' } else { class(c) }),
            },
            Mistake {
                when: "each character of white space is a piece of its own: a run of them is one, without its last",
                answer: |text| answer(cut(text, Rule { white: |_, _, _| 1, ..RULE })),
            },
            Mistake {
                when: "white space keeps its last character, though that belongs to what follows",
                answer: |text| answer(cut(text, Rule { white: |n, _, _| n, ..RULE })),
            },
            Mistake {
                when: "white space leaves its last character even where nothing follows",
                answer: |text| answer(cut(text, Rule { white: |n, _, _| without_last(n, true), ..RULE })),
            },
            Mistake {
                when: "white space leaves its last character only if that is a space: any is left",
                answer: |text| {
                    let space = |n, last, next: Option<char>| without_last(n, next.is_some() && last == ' ');
                    answer(cut(text, Rule { white: space, ..RULE }))
                },
            },
            Mistake {
                when: "white space leaves its last character only before a letter or a number: before a sign, too",
                answer: |text| {
                    let word = |n, _, next: Option<char>| without_last(n, next.is_some_and(|class| class != '!'));
                    answer(cut(text, Rule { white: word, ..RULE }))
                },
            },
            Mistake {
                when: "an empty text gives an empty piece: it has none",
                answer: |text| if text.is_empty() { answer(vec![""]) } else { answer(cut(text, RULE)) },
            },
        ],
    }
}

const MISSING: &str = "some contractions are missing: there are seven, 's 'd 'm 't 'll 've 're";

/// Without one of the contractions.
fn without<const N: usize>(text: &&'static str) -> Answer {
    let mut contractions = RULE.contractions.to_vec();
    contractions.remove(N);
    answer(cut(text, Rule { contractions: &contractions, ..RULE }))
}

/// With other classes.
fn classed(text: &str, class: fn(char) -> char) -> Answer {
    answer(cut(text, Rule { class, ..RULE }))
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
        "I'm, don't, we've",
        // What may be taken for something else.
        "it’s __12345_ a_b\u{1} c\u{7}\u{7}d",
    ]
}

/// The parts of the rule that can go wrong.
#[derive(Clone, Copy)]
struct Rule<'a> {
    contractions: &'a [&'static str],
    space_before_contraction: bool,
    /// Whether a contraction fits between the character before it (a space at the beginning) and the one behind it.
    fits: fn(char, char) -> bool,
    /// Does a run of signs end where a contraction begins?
    ends_before_contraction: bool,
    /// A sign for each class: `a` letters, `1` numbers, `!` signs, a space for white space.
    class: fn(char) -> char,
    /// Whether a character may stand in front of a run of a class.
    takes_space: fn(char, char) -> bool,
    /// How many characters of a class go into a run.
    longest: fn(char) -> usize,
    /// How many characters of white space are a piece, of how many; with the last one, and the class of what follows.
    white: fn(usize, char, Option<char>) -> usize,
}

const RULE: Rule<'static> = Rule {
    contractions: &["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"],
    space_before_contraction: false,
    fits: |_, _| true,
    ends_before_contraction: false,
    class,
    takes_space: |c, _| c == ' ',
    longest: |_| usize::MAX,
    white: |n, _, next| without_last(n, next.is_some()),
};

/// How many of `n` characters are left if the last one is, unless it is a single one.
fn without_last(n: usize, leaves: bool) -> usize {
    if leaves && n > 1 { n - 1 } else { n }
}

fn class(c: char) -> char {
    match c {
        c if c.is_alphabetic() => 'a',
        c if c.is_numeric() => '1',
        c if c.is_whitespace() => ' ',
        _ => '!',
    }
}

fn cut<'t>(text: &'t str, rule: Rule) -> Vec<&'t str> {
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
    let class_at = |i: usize| chars.get(i).map(|&c| (rule.class)(c));
    let space = usize::from((rule.takes_space)(chars[0], class_at(1).unwrap_or(' ')));
    let run = |from: usize| {
        let class = (rule.class)(chars[from]);
        let goes_on = |i: usize| {
            let ends = rule.ends_before_contraction && i > from && contraction(&text[bytes(i)..]).is_some();
            (rule.class)(chars[i]) == class && !ends
        };
        (from..chars.len()).take_while(|&i| goes_on(i)).take((rule.longest)(class)).count()
    };
    if class_at(space).is_some_and(|class| class != ' ') {
        return bytes(space + run(space));
    }
    let n = run(0);
    bytes((rule.white)(n, chars[n - 1], class_at(n)))
}
