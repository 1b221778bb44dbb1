#!/usr/bin/env bash
# tokenizers 0.23.3, seen on 2026-11-29.
#
# Expected: `BpeTrainer(max_token_length=8)` learns tokens of up to 8 symbols (bytes, in a byte-level vocabulary like GPT-2's).
# Seen: the longest is 7. The limit is one that no token reaches: 4 gives 3, 8 gives 7. And the pairs of single symbols are
#   not held to it at all: a limit of 1 or 2 gives tokens of 2 symbols, as does 3.
#   Without the limit the same text makes longer tokens, and words of exactly the limit's length are frequent in it.
# Output: FOUND: the trainer's max_token_length=n makes tokens of at most n-1 symbols, but of 2 where n is 1 or 2
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
cd "$dir"
venv/bin/python - <<'PY'
import json
import sys
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

def longest(limit, text):
    """Symbols in the longest token learned from the text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False, max_token_length=limit)
    tokenizer.train_from_iterator([text], trainer)
    return max(len(token) for token in tokenizer.get_vocab())

# "b", "bc", "bcd", ... joined by line ends: a word of every length up to 12, each a hundred times, built from the left.
text = "\n".join("bcdefghijklm"[:n] for n in range(1, 13) for _ in range(100))

seen = {limit: longest(limit, text) for limit in (None, 1, 2, 3, 4, 5, 6, 8, 10)}
for limit, length in seen.items():
    print(f"max_token_length={limit}: the longest token has {length} symbols")
if seen.pop(None) != 12:
    sys.exit("CHANGED: without a limit the longest word is no longer one token")
for limit, length in seen.items():
    if length != max(2, limit - 1):
        sys.exit(f"CHANGED: a limit of {limit} now gives tokens of {length} symbols")
print("FOUND: the trainer's max_token_length=n makes tokens of at most n-1 symbols, but of 2 where n is 1 or 2")
PY
