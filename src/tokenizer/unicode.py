"""Writes unicode_tables.rs: which characters are letters, numbers and white space to the engine that splits GPT-2's text.

    python3 unicode.py > unicode_tables.rs          (needs `pip install tiktoken`)

The tables are not taken from Unicode's files or from Python's own `unicodedata`, because what counts is what the reference
does: tiktoken's regular expressions, with the version of Unicode that is built into them. So every character there is
(every scalar value, 1,112,064 of them) is put to that engine, once for each class. An encoding whose pattern is `\\p{L}`
drops whatever the pattern does not match, so a character is a letter if and only if it leaves tokens behind.
"""

import importlib.metadata
import sys

import tiktoken

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BYTES = {bytes([b]): b for b in range(256)}


def members(pattern):
    """The scalar values that `pattern` matches."""
    encoding = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks=BYTES, special_tokens={})
    return [c for c in SCALARS if encoding.encode_ordinary(chr(c))]


def ranges(values):
    """Runs of neighbours, first and last included."""
    runs = []
    for c in values:
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def table(name, doc, pattern):
    runs = ranges(members(pattern))
    lines = [f"/// {doc}", f"pub(super) const {name}: [(u32, u32); {len(runs)}] = ["]
    cells = [f"(0x{first:X}, 0x{last:X})," for first, last in runs]
    line = "   "
    for cell in cells:
        if len(line) + 1 + len(cell) > 120:
            lines.append(line)
            line = "   "
        line += " " + cell
    return "\n".join(lines + [line, "];"])


python = ".".join(map(str, sys.version_info[:3]))
print(f"""//! Letters, numbers and white space, as ranges of code points. Written by `unicode.py`; do not edit.
//!
//! From the behaviour of tiktoken {importlib.metadata.version("tiktoken")} (its regular expression engine, run under Python {python}).
//! It knows the letters that came with Unicode 16.0, and not those of 17.0.
#![cfg_attr(rustfmt, rustfmt_skip)]
""")
print(table("LETTERS", "General category L: `\\p{L}`.", r"\p{L}"), end="\n\n")
print(table("NUMBERS", "General category N: `\\p{N}`.", r"\p{N}"), end="\n\n")
print(table("WHITE_SPACE", "The property White_Space: `\\s`.", r"\s"))
