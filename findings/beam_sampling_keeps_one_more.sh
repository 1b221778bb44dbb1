#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    how many tokens of a beam top_k=1 leaves when beams are drawn (num_beams=3, do_sample=True).
# Expected: one. The model is then followed greedily, and there is one text.
# Does:     with beams top_k=1 is taken to mean at least one token more than there are end tokens: two with one end token, four
#           with three. With three beams six candidates are drawn at each step, and of two tokens a beam there are no
#           more than six: so top_k=1 and top_k=2 are the same, every seed gives the same text, and it is not the greedy one.
#           A top_p of nearly 0 gives that text too.
# Seen:     FOUND: with 3 drawn beams top_k=1 leaves 2 tokens of each (4 with three end tokens): 20 seeds write one text, with
#           top_k 1, 2 and a top_p of 0.0001 alike, and it is not the greedy text
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 transformers==5.24.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
config = GPT2Config(vocab_size=40, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                    pad_token_id=0, initializer_range=0.25)
model = GPT2LMHeadModel(config).eval()
prompt = torch.tensor([[5, 9, 11, 5, 9]])


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def generate(seed=0, **settings):
    torch.manual_seed(seed)
    return model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=8, **settings)


def left(**settings):
    """How many tokens are left of each beam, at each step."""
    output = generate(do_sample=True, top_k=1, return_dict_in_generate=True, output_scores=True, **settings)
    return {n for scores in output.scores for n in scores.isfinite().sum(-1).tolist()}


def texts(**settings):
    return {tuple(generate(seed, do_sample=True, **settings)[0, 5:].tolist()) for seed in range(20)}


greedy = tuple(generate(do_sample=False)[0, 5:].tolist())
check(left(num_beams=1) == {1}, "without beams top_k=1 does not leave one token")
check(texts(num_beams=1, top_k=1) == {greedy}, "without beams top_k=1 is not greedy")
one_end, three_ends = left(num_beams=3), left(num_beams=3, eos_token_id=[7, 3, 22])
print("top_k=1 with 3 beams leaves", one_end, "tokens; with three end tokens", three_ends)
check(one_end == {2} and three_ends == {4}, f"top_k=1 leaves {one_end}, with three end tokens {three_ends}")
by_one, by_two, by_ten = (texts(num_beams=3, top_k=k) for k in (1, 2, 10))
by_p = texts(num_beams=3, top_k=0, top_p=1e-4)
print("greedy", greedy, "- top_k=1", by_one, "- top_k=10:", len(by_ten), "texts")
check(len(by_one) == 1 and by_one == by_two == by_p, "top_k 1, 2 and a tiny top_p write different texts")
check(by_one != {greedy}, "it is the greedy text")
check(len(by_ten) > 5, "top_k=10 hardly draws either")
print("FOUND: with 3 drawn beams top_k=1 leaves 2 tokens of each (4 with three end tokens): 20 seeds write one text, with "
      "top_k 1, 2 and a top_p of 0.0001 alike, and it is not the greedy text")
PYTHON
