#!/usr/bin/env bash
# tokenizers 0.23.3, seen on 2026-11-30.
# Asked:    which places of the text the tokens have (offsets) where a BPE without an unknown token meets a letter that was not in
#           its training text.
# Expected: the letter is left out, and every token keeps the place that it was read from. With an unknown token it is so.
# Does:     the offsets are the tokens' lengths added up, and the lost letter adds nothing: every later token of the word (of the
#           whole text, without a pre-tokenizer) is as many places too far left as letters were lost, and char_to_token
#           finds the wrong token or none. The letters on both sides of the lost one are merged as neighbours, so one token
#           can come from two pieces. A byte-level BPE trained without initial_alphabet meets it at every byte it never saw.
# Seen:     FOUND: of "cQab had" without the letter Q the token "ab" has the offsets (1, 3), which is "Qa" in the text, and "ad" has
#           (5, 7), which is "ha"; with an unknown token they are "ab" and "ad"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: tokenizers==0.23.3
cd "$work"
venv/bin/python - <<'PYTHON'
import sys
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

LETTERS = {letter: i for i, letter in enumerate("abcdh ?")}
VOCABULARY = LETTERS | {"ab": 7, "ad": 8}
MERGES = [("a", "b"), ("a", "d")]


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def places(tokenizer, text):
    """Each token, its offsets, and what is there in the text."""
    encoded = tokenizer.encode(text)
    return [(token, place, text[place[0]:place[1]]) for token, place in zip(encoded.tokens, encoded.offsets)]


plain = Tokenizer(models.BPE(VOCABULARY, MERGES))
unknown = Tokenizer(models.BPE(VOCABULARY, MERGES, unk_token="?"))
text = "cQab had"
for name, tokenizer in (("no unknown token", plain), ("unknown token", unknown)):
    print(f"{name}: {places(tokenizer, text)}")
check(all(token == there for token, _, there in places(plain, "cab had")), "wrong offsets where all letters are known")
check(all(token == there or token == "?" for token, _, there in places(unknown, text)), "wrong offsets with an unknown token")
lost = {token: (place, there) for token, place, there in places(plain, text)}
kept = {token: (place, there) for token, place, there in places(unknown, text)}
check(lost["ab"] == ((1, 3), "Qa") and lost["ad"] == ((5, 7), "ha"), f"other offsets: {lost}")
check(kept["ab"] == ((2, 4), "ab") and kept["ad"] == ((6, 8), "ad"), f"other offsets with an unknown token: {kept}")
encoded = plain.encode(text)
found = [encoded.char_to_token(i) for i in range(len(text))]
print("char_to_token:", [None if token is None else encoded.tokens[token] for token in found])
check(encoded.tokens[found[1]] == "ab" and found[7] is None, "char_to_token changed")
print("around the lost letter:", places(plain, "aQb"), "and with an unknown token:", places(unknown, "aQb"))
check(places(plain, "aQb") == [("ab", (0, 2), "aQ")], "letters are no longer merged over a lost one")
check([token for token, _, _ in places(unknown, "aQb")] == ["a", "?", "b"], "letters are merged over an unknown token")

# Trained as one would: byte level, and the alphabet that the text has.
trained = Tokenizer(models.BPE())
trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
trained.train_from_iterator(["a cab had a bad day"] * 3, trainers.BpeTrainer(vocab_size=10, show_progress=False))
print("trained, byte level:", places(trained, "cab had"), places(trained, "cQQab had"))
check(all(token.replace("Ġ", " ") == there for token, _, there in places(trained, "cab had")), "wrong offsets of known letters")
check(any(token.replace("Ġ", " ") != there for token, _, there in places(trained, "cQQab had")), "right offsets after training")
print(f'FOUND: of "{text}" without the letter Q the token "ab" has the offsets {lost["ab"][0]}, which is "{lost["ab"][1]}" in the '
      f'text, and "ad" has {lost["ad"][0]}, which is "{lost["ad"][1]}"; with an unknown token they are "{kept["ab"][1]}" and '
      f'"{kept["ad"][1]}"')
PYTHON
