#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-29.
# Asked:    whether an optimizer made before resize_token_embeddings still trains the model after it.
# Expected: the same for both tables: resizing makes new Parameters, and the optimizer keeps the old ones.
# Does:     wte stays the same Parameter, with more rows in it; the head of its own (tie_word_embeddings=False) becomes a
#           new Parameter that the optimizer does not have. A step moves wte and leaves the head where it is, in silence.
#           Where AdamW took a step before, its moments have the old shape and the next step is an error.
# Seen:     FOUND: after resize_token_embeddings an optimizer made before it moves wte (by 0.0100) and not the head of its own
#           (by 0), though the head has a gradient.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 transformers==5.24.0
HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel

transformers.logging.set_verbosity_error()
RATE = 0.01
ids = torch.tensor([[5, 55, 11]])  # 55 is one of the new tokens


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def new_model():
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                        tie_word_embeddings=False)
    model = GPT2LMHeadModel(config)
    return model, torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)


def step(model, optimizer, tokens):
    optimizer.zero_grad()
    model(tokens, labels=tokens).loss.backward()
    optimizer.step()


model, optimizer = new_model()
wte, head = model.transformer.wte.weight, model.lm_head.weight
model.resize_token_embeddings(60)
print("the same Parameter: wte", model.transformer.wte.weight is wte, "- head", model.lm_head.weight is head)
check(model.transformer.wte.weight is wte and wte.shape == (60, 32), "wte became a new Parameter")
check(model.lm_head.weight is not head, "the head stays the same Parameter")

before = [table.detach().clone() for table in (model.transformer.wte.weight, model.lm_head.weight)]
step(model, optimizer, ids)
after = (model.transformer.wte.weight, model.lm_head.weight)
moved = [(a - b).abs().max().item() for a, b in zip(after, before)]
print(f"one step moves wte by {moved[0]:.4f} and the head by {moved[1]:.4f}")
check(moved[0] > RATE / 2, "the step does not move wte")
check(model.lm_head.weight.grad.abs().max() > 0, "the head has no gradient")
check(moved[1] == 0.0, "the step moves the head")

model, optimizer = new_model()
step(model, optimizer, ids.clamp(max=49))
model.resize_token_embeddings(60)
try:
    step(model, optimizer, ids)
    check(False, "a step after a step and a resize is no error")
except RuntimeError as error:
    print("after an earlier step:", error)
print(f"FOUND: after resize_token_embeddings an optimizer made before it moves wte (by {moved[0]:.4f}) and not the head "
      f"of its own (by {moved[1]:.0f}), though the head has a gradient.")
PYTHON
