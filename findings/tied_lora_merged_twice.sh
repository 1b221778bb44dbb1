#!/usr/bin/env bash
# peft 0.21.2 with transformers 5.24.0 and torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    what merging does to a GPT-2 whose token table and head share one adapter, by ensure_weight_tying=True.
# Expected: the merged model computes what the model with its adapter computed. The two tables are one, the two adapters
#           are one, so their product is added to the table.
# Does:     it is added once for the table and once for the head, so twice. There is a warning, when the adapter is made,
#           that a tied model "can lead to complications". With wte alone in target_modules nothing is tied at all.
# Seen:     FOUND: an adapter shared by wte and lm_head is added twice when merged: the table moves by 2.0 times its product, and
#           the logits by 10.6
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


def adapted(layers):
    """A tied GPT-2 and its table, with an adapter as training could leave it."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=40, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
                        initializer_range=0.25)
    model = GPT2LMHeadModel(config).eval()
    table = model.transformer.wte.weight.detach().clone()
    adapter = LoraConfig(r=4, lora_alpha=8, target_modules=layers, ensure_weight_tying=True)
    model = get_peft_model(model, adapter).eval()
    for name, numbers in model.named_parameters():
        if "lora_" in name:
            numbers.data += 0.2 * torch.randn_like(numbers)
    return model, table


model, table = adapted(["wte", "lm_head"])
inner = model.base_model.model
product = inner.transformer.wte.get_delta_weight("default").detach()
check(torch.equal(product, inner.lm_head.get_delta_weight("default")), "table and head have different adapters")
before = logits(model)
merged = model.merge_and_unload()
check(merged.lm_head.weight is merged.transformer.wte.weight, "the merged model is no longer tied")
times = ((merged.lm_head.weight.detach() - table) * product).sum().item() / (product * product).sum().item()
moved = (logits(merged) - before).abs().max().item()
print(f"the table moved by {times:.4f} times the adapter's product; the logits are {moved:.2f} from those before merging")
check(abs(times - 2) < 1e-3, f"it was added {times:.3f} times")
check(moved > 0.5, "the merged model is the one before merging")
names = [name for name, _ in adapted(["wte"])[0].named_parameters() if "lora_" in name]
print("with target_modules=['wte']:", names)
check(all(".wte." in name for name in names), "with wte alone the head has an adapter too")
print(f"FOUND: an adapter shared by wte and lm_head is added twice when merged: the table moves by {times:.1f} times its "
      f"product, and the logits by {moved:.1f}")
PYTHON
