"""Writes word_table.rs: which characters, besides letters, are part of a word to the program that looks for added tokens.

    python3 word_table.py > word_table.rs          (needs `pip install tokenizers`; run it in this folder)

An added token with `single_word` is not found where a character of a word stands beside it. What such a character is, only
the program itself can say (the `\\w` of its regular expressions, with the version of Unicode that is built into them). So
every character there is stands beside such a token once. Letters are left out: `unicode_tables.rs` has them already, and the
last lines here check that all of them are part of a word.
"""

import importlib.metadata
import re

from tokenizers import AddedToken, Tokenizer, models

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

tokenizer = Tokenizer(models.BPE(vocab={}, merges=[]))
tokenizer.add_tokens([AddedToken("<alone>", single_word=True)])


def words():
    """The scalar values beside which the token is not found."""
    found = tokenizer.encode_batch(["<alone>" + chr(c) for c in SCALARS])
    return {c for c, encoding in zip(SCALARS, found) if not encoding.ids}


def ranges(values):
    """Runs of neighbours, first and last included."""
    runs = []
    for c in sorted(values):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def letters():
    source = open("unicode_tables.rs", encoding="utf-8").read().split("const LETTERS")[1].split("];")[0]
    pairs = re.findall(r"\(0x([0-9A-F]+), 0x([0-9A-F]+)\)", source)
    return {c for first, last in pairs for c in range(int(first, 16), int(last, 16) + 1)}


found, known = words(), letters()
assert known <= found
runs = ranges(found - known)
print(f"""//! Characters that are part of a word without being letters, as ranges of code points. Written by `word_table.py`; do not
//! edit.
//!
//! From the behaviour of tokenizers {importlib.metadata.version("tokenizers")}.
#![cfg_attr(rustfmt, rustfmt_skip)]

/// `\\w` without `\\p{{L}}`: digits and Roman numerals, marks, letters in circles, the low line.
pub(super) const WORD_BUT_NO_LETTER: [(u32, u32); {len(runs)}] = [""")
line = "   "
for first, last in runs:
    cell = f"(0x{first:X}, 0x{last:X}),"
    if len(line) + 1 + len(cell) > 120:
        print(line)
        line = "   "
    line += " " + cell
print(line + "\n];")
