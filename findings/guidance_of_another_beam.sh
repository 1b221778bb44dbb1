#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    whether beams with guidance_scale=2 are scored by their own texts. (Guidance moves the scores away from those
#           of a second, shorter text: the last token of the prompt and what was written after it.)
# Expected: perhaps not with a cache, which would have to follow the beams when they change places; with use_cache=False yes,
#           for then each score is computed from the whole text.
# Does:     neither. Only the newest token of the second text is taken from the beam; what is before it stays where it was. As
#           soon as two beams come from one, the second text of a beam is a mixture. Without beams all is right.
# Seen:     FOUND: from the third token on, the scores of 3 beams with guidance_scale=2 are up to 3.2 off from those of their
#           own texts, with a cache and without one; with one beam they are right
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
from transformers.generation.logits_process import UnbatchedClassifierFreeGuidanceLogitsProcessor as Guidance

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
config = GPT2Config(vocab_size=40, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                    pad_token_id=0, initializer_range=0.25)
model = GPT2LMHeadModel(config).eval()
prompt = torch.tensor([[5, 9, 11, 5, 9]])
SCALE = 2.0


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def differences(**settings):
    """At each step, how far the scores are from those that each text gives by itself."""
    seen, applied = [], Guidance.__call__

    def watched(self, ids, scores):
        result = applied(self, ids, scores)
        with torch.no_grad():
            second = model(ids[:, prompt.shape[1] - 1:]).logits[:, -1].log_softmax(-1)
        right = SCALE * (scores.log_softmax(-1) - second) + second
        seen.append((result - right).abs().max().item())
        return result

    Guidance.__call__ = watched
    try:
        model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=8, do_sample=False,
                       guidance_scale=SCALE, **settings)
    finally:
        Guidance.__call__ = applied
    return seen


alone = differences(num_beams=1)
print("one beam   ", [round(x, 3) for x in alone])
check(len(alone) == 8 and max(alone) < 1e-3, "with one beam the scores are not those of its text")
beams = {cached: differences(num_beams=3, use_cache=cached) for cached in (True, False)}
for cached, seen in beams.items():
    print("three beams,", "with a cache:   " if cached else "without a cache:", [round(x, 3) for x in seen])
    check(max(seen[:2]) < 1e-3, "the first two tokens are scored otherwise already")
    check(min(seen[2:]) > 0.1, "from the third token on the scores are those of the beams' own texts")
print(f"FOUND: from the third token on, the scores of 3 beams with guidance_scale=2 are up to {max(beams[False]):.1f} off from "
      "those of their own texts, with a cache and without one; with one beam they are right")
PYTHON
