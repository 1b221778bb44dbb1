#!/usr/bin/env python3
"""Runs the commands of the book again, and says where the book shows something else; with --write it mends the book.

    cargo build --release --examples && python3 tests/book_update.py [--slow] [--write] [PAGE...]

`tests/book_outputs.rs` finds every wrong output, too. This script is for the day on which the model inside the crate
changes, and with it every text that it writes. It takes the examples of the release build, with the plain instructions
that every processor has.

- `console` blocks: each command with its output. Lines that are left out (`...`) stay so at the end of a block; where
  they stand elsewhere, the script prints what came, and somebody has to choose.
- With --slow, the `text` blocks of the commands in SLOW too: tables that take minutes.

What is written is read afterwards: the sentences around an output speak of it.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples"
CARGO = """cargo() {
    while [ "$1" != --example ]; do shift; done
    program="$EXAMPLES/$2"; shift 2
    if [ "$1" = -- ]; then shift; fi
    "$program" "$@"
}
"""
# Page, command, and the first words of the block of `text` that it fills.
SLOW = [
    ("docs/variants.md", "cargo run --example block -- --train", "12 blocks, 32 wide"),
    ("docs/09-beam-search.md", "cargo run --example compare", "$ cargo run --example compare"),
]
WIDTH = 120


def printed(command, folder, with_errors):
    """What a command writes."""
    errors = subprocess.STDOUT if with_errors else subprocess.DEVNULL
    knobs = {"EXAMPLES": str(EXAMPLES), "GPT60_INSTRUCTIONS": "baseline", "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(["sh", "-c", CARGO + command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=errors, env={**os.environ, **knobs}, timeout=1800)
    return done.stdout.decode()


def tells(shown, came):
    """Whether the words of the lines `shown`, where a line `...` stands for any words, are those that came."""
    words = came.split()
    parts = [part.split() for part in re.split(r"^\s*\.\.\.\s*$", "\n".join(shown), flags=re.M)]
    for i, part in enumerate(parts):
        places = range(len(words) - len(part) + 1)
        if i == 0:
            places = places[:1]
        elif i + 1 == len(parts):
            places = places[len(places) - 1:]
        at = next((at for at in places if words[at:at + len(part)] == part), None)
        if at is None:
            return False
        words = words[at + len(part):]
    return not words


def likeness(shown, came):
    """How far `came` is the same choice of what a terminal shows: with notes or without, from the prompt on or behind it."""
    lines = came.split("\n")
    notes = [any(line.startswith("[") for line in text) for text in (shown, lines)]
    start = os.path.commonprefix([" ".join(shown).split(" "), " ".join(lines).split(" ")])
    return notes[0] == notes[1], len(start) > 0, difflib.SequenceMatcher(None, shown, lines).ratio()


def as_shown(shown, came, width):
    """The lines for the book, or None where somebody has to choose."""
    lines = []
    for line in came.rstrip("\n").split("\n"):
        indent = re.match(r" *", line).group() if line.startswith("  ") else ""  # one blank belongs to the first word
        lines += [line] if len(line) <= width else textwrap.wrap(line.rstrip(), width, subsequent_indent=indent,
                                                                 break_on_hyphens=False, drop_whitespace=True)
    dots = [i for i, line in enumerate(shown) if line.strip() == "..."]
    if not dots:
        return lines
    if dots == [len(shown) - 1] and len(lines) >= dots[0]:
        return lines[: dots[0]] + ["..."]
    return None


class Page:
    """A page, and what is to be done with its blocks."""

    def __init__(self, path, write):
        self.path, self.write = path, write
        self.lines = path.read_text().split("\n")
        self.n_wrong = self.n_by_hand = self.n_commands = 0

    def compare(self, start, end, margin, command, came):
        """Compares lines start to end with what came: all that a terminal shows, or the standard output alone."""
        shown = [line[len(margin):] if line.startswith(margin) else "" for line in self.lines[start:end]]
        self.n_commands += 1
        if any(tells(shown, text) for text in came):
            return
        self.n_wrong += 1
        likest = max(came, key=lambda text: likeness(shown, text))
        new = as_shown(shown, likest, WIDTH - len(margin))
        print(f"{self.path.relative_to(ROOT)}:{start}: $ {command}")
        if new is None or not self.write:
            self.n_by_hand += new is None
            print(textwrap.indent(likest, "    "))
        if new is not None and self.write:
            self.lines[start:end] = [(margin + line).rstrip() for line in new]

    def console_blocks(self, folder):
        """Every command of the page, the last one first: then the numbers of the lines before it stay."""
        found, margin, inside = [], "", False
        for i, line in enumerate(self.lines):
            at = line.find("```")
            if at >= 0:
                if inside and found:
                    found[-1][1] = found[-1][1] or i
                margin, inside = line[:at], line[at:] == "```console"
            elif inside and line.startswith(margin + "$ "):
                if found:
                    found[-1][1] = found[-1][1] or i
                found.append([i + 1, None, margin, line[len(margin) + 2:]])
        came = []
        for _, _, _, command in found:  # in the order of the page: one may need what another has written
            everything = printed(command, folder, True)
            without_notes = "\n".join(line for line in everything.split("\n") if not line.startswith("["))
            came.append([everything, without_notes, printed(command, folder, False)])
        for (start, end, margin, command), texts in reversed(list(zip(found, came))):
            self.compare(start, end, margin, command, texts)

    def slow_block(self, command, first_words):
        """The block of a slow command."""
        start = next(i for i, line in enumerate(self.lines) if line.startswith(first_words))
        start += self.lines[start].startswith("$ ")
        end = next(i for i in range(start, len(self.lines)) if self.lines[i] == "```")
        self.compare(start, end, "", command, [printed(command, ROOT, False)])

    def close(self):
        """Writes the page if it has changed."""
        if self.write and self.n_wrong > self.n_by_hand:
            self.path.write_text("\n".join(self.lines))


def main():
    arguments = sys.argv[1:]
    slow, write = "--slow" in arguments, "--write" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    paths = [Path(name).resolve() for name in names] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if not (EXAMPLES / "greedy").exists():
        sys.exit(f"{EXAMPLES}/greedy is missing: cargo build --release --examples")
    n_commands = n_wrong = n_by_hand = 0
    for path in paths:
        page = Page(path, write)
        with tempfile.TemporaryDirectory() as folder:
            for readable in ["README.md", "docs", "src"]:
                os.symlink(ROOT / readable, Path(folder) / readable)
            page.console_blocks(folder)
        for name, command, first_words in SLOW if slow else []:
            if path == ROOT / name:
                page.slow_block(command, first_words)
        page.close()
        n_commands += page.n_commands
        n_wrong += page.n_wrong
        n_by_hand += page.n_by_hand
    done = f", of which {n_by_hand} are to be mended by hand" if write else ""
    print(f"{len(paths)} pages, {n_commands} commands, {n_wrong} show something else{done}")
    sys.exit(1 if n_wrong and not write else 0)


main()
