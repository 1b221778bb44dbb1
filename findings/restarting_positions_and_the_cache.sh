#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-29.
# Asked:    what GPT-2 does with position_ids 0 1 2 0 1 2 and no attention_mask: two texts packed into one row.
# Expected: one of two things, always. Either attention is cut where the positions start again, or positions only choose
#           rows of wpe. `use_cache` says whether keys and values are kept, and changes no logit.
# Does:     with use_cache=True (the default, in training too) nothing is cut. With use_cache=False, or with gradient
#           checkpointing, which turns the cache off, attention is cut at every place that is not one more than the place
#           before. Positions 0 2 4 6 8 10 make every token see itself alone. A mask of ones ends the cutting.
# Seen:     FOUND: position_ids that start again cut attention with use_cache=False and not with use_cache=True: the logits
#           differ by 2.25, and gradient checkpointing alone moves the gradient of wte by 63%.
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
CLOSE = 1e-4


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def apart(a, b):
    return (a - b).abs().max().item()


torch.manual_seed(0)
config = GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
model = GPT2LMHeadModel(config).eval()
with torch.no_grad():
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.mul_(8.0)  # large enough that attention matters

ids = torch.tensor([[5, 9, 11, 7, 3, 8]])
packed = torch.tensor([[0, 1, 2, 0, 1, 2]])


def logits(**options):
    with torch.no_grad():
        return model(ids, **options).logits


with torch.no_grad():
    second_alone = model(ids[:, 3:]).logits
cached = logits(position_ids=packed, use_cache=True)
uncached = logits(position_ids=packed, use_cache=False)
masked = logits(position_ids=packed, use_cache=False, attention_mask=torch.ones_like(ids))
print(f"without the cache, second text: {apart(uncached[:, 3:], second_alone):.1e} from the text alone")
print(f"with the cache, second text:    {apart(cached[:, 3:], second_alone):.2f} from the text alone")
check(apart(uncached[:, 3:], second_alone) < CLOSE, "use_cache=False no longer cuts attention at position 0")
check(apart(cached[:, 3:], second_alone) > 0.1, "use_cache=True now cuts attention too")
check(apart(logits(use_cache=True), logits(use_cache=False)) < CLOSE, "the cache matters with plain positions")
check(apart(masked, cached) < CLOSE, "a mask of ones no longer undoes the cutting")

by_two = logits(position_ids=torch.arange(0, 12, 2)[None], use_cache=False)
with torch.no_grad():
    last_alone = model(ids[:, -1:], position_ids=torch.tensor([[10]])).logits
check(apart(by_two[:, -1:], last_alone) < CLOSE, "positions 0 2 4 .. no longer isolate every token")


def gradient():
    model.zero_grad()
    model(ids, position_ids=packed, labels=ids).loss.backward()
    return model.transformer.wte.weight.grad.clone()


model.train()
plain = gradient()
model.activation_checkpointing_enable()
share = (gradient() - plain).norm() / plain.norm()
print(f"gradient checkpointing moves the gradient of wte by {share:.0%}")
check(share > 0.05, "gradient checkpointing no longer changes the gradient")
print(f"FOUND: position_ids that start again cut attention with use_cache=False and not with use_cache=True: the logits "
      f"differ by {apart(cached, uncached):.2f}, and gradient checkpointing alone moves the gradient of wte by {share:.0%}.")
PYTHON
