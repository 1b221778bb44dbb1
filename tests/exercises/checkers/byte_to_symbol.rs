//! A visible symbol for every byte.

use crate::check::{Answer, Exercise, Mistake, Part, one};
use crate::exercises;
use gpt60::tokenizer::byte_to_symbol;

pub fn exercise() -> Exercise<u8> {
    Exercise {
        name: "byte_to_symbol",
        inputs,
        describe: |byte| format!("byte {byte}"),
        stub: |&byte| answer(exercises::byte_to_symbol::byte_to_symbol(byte)),
        library: |&byte| answer(byte_to_symbol(byte)),
        tolerance: 0.0,
        mistakes: vec![
            Mistake { when: "hidden bytes stand for themselves", answer: |&byte| answer(char::from(byte)) },
            Mistake {
                when: "hidden bytes take the character U+0100 + byte: that has gaps, from byte 127 on",
                answer: |&byte| answer(if hidden(byte) { character(0x100 + u32::from(byte)) } else { byte.into() }),
            },
            Mistake {
                when: "visible bytes are moved as well: U+0100 + byte is given to all of them",
                answer: |&byte| answer(character(0x100 + u32::from(byte))),
            },
            Mistake {
                when: "the hidden bytes are counted from 1: the first one, 0, takes U+0100",
                answer: |&byte| answer(numbered(byte, hidden, 0x101)),
            },
            Mistake {
                when: "the soft hyphen, byte 173, counts as visible",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) && byte != 173, 0x100)),
            },
            Mistake {
                when: "the non-breaking space, byte 160, counts as visible",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) && byte != 160, 0x100)),
            },
            Mistake {
                when: "the space, byte 32, counts as visible",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) && byte != 32, 0x100)),
            },
            Mistake {
                when: "delete, byte 127, counts as visible",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) && byte != 127, 0x100)),
            },
            Mistake {
                when: EXCLUSIVE,
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) || byte == 126, 0x100)),
            },
            Mistake {
                when: EXCLUSIVE,
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) || byte == 172, 0x100)),
            },
            Mistake {
                when: EXCLUSIVE,
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) || byte == 255, 0x100)),
            },
            Mistake {
                when: EXCLUSIVE,
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) || matches!(byte, 126 | 172 | 255), 0x100)),
            },
            Mistake {
                when: "the non-breaking space, byte 160, and the soft hyphen, byte 173, count as visible: `is_control` is not \
                       enough",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) && byte != 160 && byte != 173, 0x100)),
            },
            Mistake {
                when: "only ASCII counts as visible: the bytes from 161 on are visible too, except 173",
                answer: |&byte| answer(numbered(byte, |byte| hidden(byte) || byte >= 128, 0x100)),
            },
            Mistake {
                when: "byte 173 is taken for number 68: 67 hidden bytes are below it",
                answer: |&byte| answer(if byte == 173 { character(0x100 + 68) } else { numbered(byte, hidden, 0x100) }),
            },
            Mistake {
                when: "the hidden bytes from 127 on have one below them too few: 0 to 32 are 33 bytes, and two get the same symbol",
                answer: |&byte| answer(numbered(byte, hidden, if byte < 127 { 0x100 } else { 0xFF })),
            },
            Mistake {
                when: "each of the three runs of hidden bytes begins at U+0100 again: two bytes get the same symbol",
                answer: |&byte| {
                    let first = if byte >= 173 {
                        173
                    } else if byte >= 127 {
                        127
                    } else {
                        0
                    };
                    answer(if hidden(byte) { character(0x100 + u32::from(byte - first)) } else { byte.into() })
                },
            },
        ],
    }
}

const EXCLUSIVE: &str =
    "the last byte of a range, 126, 172 or 255, counts as hidden: `..` leaves it out, `..=` does not";

fn answer(symbol: char) -> Answer {
    one(Part::Text(symbol.to_string()))
}

/// The bytes of the worked example first, then all.
fn inputs() -> Vec<u8> {
    [97, 0, 32, 127, 233].into_iter().chain(0..=255).collect()
}

fn hidden(byte: u8) -> bool {
    matches!(byte, 0..=32 | 127..=160 | 173)
}

fn character(code: u32) -> char {
    char::from_u32(code).expect("the codes here are far below the surrogates")
}

/// Hidden bytes, as `hidden` has them, take the characters from `first` on.
fn numbered(byte: u8, hidden: fn(u8) -> bool, first: u32) -> char {
    let n_below = (0..byte).filter(|&byte| hidden(byte)).count() as u32;
    if hidden(byte) { character(first + n_below) } else { char::from(byte) }
}
