#!/usr/bin/env bash
# tokenizers 0.23.3, seen on 2026-11-30.
# Asked:    what a limit of length (enable_truncation) does that is smaller than the number of tokens which the template adds.
# Expected: an error: with two special tokens around a text there is no way to keep to a limit of 1.
# Does:     the limit is passed over. A limit of 2 leaves the two special tokens alone, a limit of 1 leaves them and
#           the whole text, however long it is. Without the template a limit of 1 is kept.
# Seen:     FOUND: with two special tokens around it, a text of 1000 letters has 3 tokens at a limit of 3, 2 at a limit of 2, and
#           1002 at a limit of 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
"$work/venv/bin/python" - <<'PYTHON'
import sys
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

END = "<|endoftext|>"


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def gpt2_like(limit, template):
    """GPT-2's bytes without any merge, and the end token on both sides of the text."""
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(symbols)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(END, special=True)])
    if template:
        special = [(END, tokenizer.token_to_id(END))]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A {END}", special_tokens=special)
    if limit is not None:
        tokenizer.enable_truncation(limit)
    return tokenizer


text = "a" * 1000
bare = {limit: len(gpt2_like(limit, template=False).encode(text)) for limit in (3, 2, 1)}
framed = {limit: len(gpt2_like(limit, template=True).encode(text)) for limit in (1002, 3, 2, 1)}
left_out = len(gpt2_like(1, template=True).encode(text, add_special_tokens=False))
print("without a template", bare, "- with one", framed, "- limit 1, template not added:", left_out)
check(bare == {3: 3, 2: 2, 1: 1}, "without a template a limit is not kept")
check(left_out == 1, "where the template is not added a limit of 1 is not kept")
check(framed[1002] == 1002 and framed[3] == 3 and framed[2] == 2, "limits with room for the template are not kept")
check(framed[1] == 1002, f"a limit of 1 gives {framed[1]} tokens")
check(gpt2_like(1, template=True).encode(text).overflowing == [], "a limit of 1 leaves something over")
print(f"FOUND: with two special tokens around it, a text of 1000 letters has {framed[3]} tokens at a limit of 3, {framed[2]} at "
      f"a limit of 2, and {framed[1]} at a limit of 1")
PYTHON
