#!/usr/bin/env bash
# peft 0.21.2 with transformers 5.24.0 and torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    whether a GPT-2 with a fresh adapter begun by OLoRA (init_lora_weights="olora") gives the base's logits.
# Expected: yes, to rounding. OLoRA takes from the base what it puts into the adapter, and PiSSA, which does so too, is right.
# Does:     GPT-2's layers keep their weight as [in, out], and OLoRA does not turn it round. A square layer, attn.c_proj, is
#           taken in silence and gives another model; one that is not square, c_attn or c_fc, fails only when it is run.
# Seen:     FOUND: the logits of a GPT-2 with a fresh OLoRA adapter on attn.c_proj are 4.10 from the base's (PiSSA's 1e-06), and on
#           c_attn it cannot be run
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 transformers==5.24.0 peft==0.21.2
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

warnings.filterwarnings("ignore")
ids = torch.tensor([[5, 9, 11, 5, 9]])


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def logits(model):
    with torch.no_grad():
        return model(ids).logits


def difference(layer, beginning):
    """How far the logits of a model with a fresh adapter are from those of the base."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=40, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                        initializer_range=0.25)
    model = GPT2LMHeadModel(config).eval()
    before = logits(model)
    adapter = LoraConfig(r=4, lora_alpha=8, target_modules=[layer], init_lora_weights=beginning, fan_in_fan_out=True)
    return (logits(get_peft_model(model, adapter).eval()) - before).abs().max().item()


right = [difference(layer, beginning) for layer in ("attn.c_proj", "c_attn", "c_fc") for beginning in (True, "pissa")]
print("zeros and PiSSA on attn.c_proj, c_attn and c_fc:", [f"{x:.0e}" for x in right])
check(max(right) < 1e-4, "another beginning is wrong as well")
silent = difference("attn.c_proj", "olora")
print(f"OLoRA on attn.c_proj: {silent:.2f}")
check(silent > 0.5, f"the logits with OLoRA on attn.c_proj are only {silent:.1e} from the base's")
for layer in ("c_attn", "c_fc"):
    try:
        difference(layer, "olora")
    except RuntimeError as error:
        print(f"OLoRA on {layer}: {str(error).splitlines()[0]}")
        check("shapes cannot be multiplied" in str(error), f"OLoRA on {layer} fails otherwise: {error}")
    else:
        check(False, f"a model with OLoRA on {layer} runs")
print(f"FOUND: the logits of a GPT-2 with a fresh OLoRA adapter on attn.c_proj are {silent:.2f} from the base's "
      f"(PiSSA's {right[1]:.0e}), and on c_attn it cannot be run")
PYTHON
