#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-29.
# Asked:    whether the padding in front of a short prompt counts as text for the knobs against repetition.
# Expected: the same for both: they see the same row of ids, padding included, where padding is the end token as usual.
# Does:     repetition_penalty leaves the padding out (it is told where the mask's ones begin); no_repeat_ngram_size
#           counts it. With no_repeat_ngram_size=1 a padded row can never end: its padding has used the end token up.
# Seen:     FOUND: left padding with the end token is no text to repetition_penalty but is text to
#           no_repeat_ngram_size: with 1 the prompt alone ends after 5 tokens and the padded one never, in 30.
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
END = 0


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


torch.manual_seed(0)
config = GPT2Config(vocab_size=50, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=END, eos_token_id=END)
model = GPT2LMHeadModel(config).eval()

alone = dict(input_ids=torch.tensor([[5, 9, 11]]), attention_mask=torch.ones(1, 3, dtype=torch.long))
padded = dict(input_ids=torch.tensor([[END, END, 5, 9, 11]]), attention_mask=torch.tensor([[0, 0, 1, 1, 1]]))


def touched(prompt, **knob):
    """The ids whose score the knob changed at the first step."""
    out = model.generate(**prompt, **knob, max_new_tokens=1, do_sample=False, pad_token_id=END,
                         return_dict_in_generate=True, output_scores=True, output_logits=True)
    return (out.scores[0] != out.logits[0])[0].nonzero().flatten().tolist()


def length_of_answer(prompt, **knob):
    # A nudge towards the end token that grows with every step: where it may end, it does.
    out = model.generate(**prompt, **knob, max_new_tokens=30, do_sample=False, pad_token_id=END,
                         exponential_decay_length_penalty=(2, 2.0))
    return out.shape[1] - prompt["input_ids"].shape[1]


penalised = [touched(prompt, repetition_penalty=2.0) for prompt in (alone, padded)]
banned = [touched(prompt, no_repeat_ngram_size=1) for prompt in (alone, padded)]
print("repetition_penalty=2.0 changes", penalised[0], "alone and", penalised[1], "padded")
print("no_repeat_ngram_size=1 changes", banned[0], "alone and", banned[1], "padded")
check(penalised == [[5, 9, 11], [5, 9, 11]], "repetition_penalty counts padding")
check(banned[0] == [5, 9, 11], "no_repeat_ngram_size=1 bans other tokens than the prompt's")
check(banned[1] == [END, 5, 9, 11], "no_repeat_ngram_size leaves padding out")

lengths = [length_of_answer(prompt, no_repeat_ngram_size=1) for prompt in (alone, padded)]
print("new tokens of 30 allowed:", lengths[0], "alone,", lengths[1], "padded")
check(lengths[0] < 30 and lengths[1] == 30, "the padded row ends as the row alone does")
print("FOUND: left padding with the end token is no text to repetition_penalty but is text to no_repeat_ngram_size: "
      f"with 1 the prompt alone ends after {lengths[0]} tokens and the padded one never, in {lengths[1]}.")
PYTHON
