#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-29.
# Asked:    what save_pretrained does with a tied model whose configuration is set to tie_word_embeddings=False before it.
# Expected: an error about shared tensors, or a file with both tables: the configuration that is written says two.
# Does:     it writes a configuration that says two tables and a file that holds one, and says nothing. Loading it draws a
#           new head at random: the report lists lm_head.weight as missing, and every load gives another model.
# Seen:     FOUND: a tied model saved with tie_word_embeddings=False has no lm_head.weight in its file: loaded twice, its
#           logits are 0.44 from the saved model's and 0.49 from each other.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 transformers==5.24.0
HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 "$work/venv/bin/python" - <<'PYTHON'
import json
import sys
import tempfile
import torch
import transformers
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

transformers.logging.set_verbosity_error()
ids = torch.tensor([[5, 9, 11]])


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def logits(model):
    with torch.no_grad():
        return model(ids).logits


torch.manual_seed(0)
config = GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config).eval()
check(model.lm_head.weight is model.transformer.wte.weight, "a new model is not tied")
model.config.tie_word_embeddings = False

with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    with open(folder + "/config.json") as file:
        says_tied = json.load(file)["tie_word_embeddings"]
    names = set(load_file(folder + "/model.safetensors"))
    loaded, report = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    again = GPT2LMHeadModel.from_pretrained(folder)

print("config.json says tied:", says_tied, "- the file has a head:", "lm_head.weight" in names)
check(says_tied is False, "the configuration written says tied")
check("transformer.wte.weight" in names and "lm_head.weight" not in names, "the file holds other tables than wte alone")
check(list(report["missing_keys"]) == ["lm_head.weight"], f"missing when loaded: {report['missing_keys']}")
check(torch.equal(loaded.transformer.wte.weight, model.transformer.wte.weight), "wte did not come back")
from_saved = (logits(loaded) - logits(model)).abs().max().item()
from_each_other = (logits(loaded) - logits(again)).abs().max().item()
check(from_saved > 0.1 and from_each_other > 0.1, "the loaded head is not drawn at random")
print("FOUND: a tied model saved with tie_word_embeddings=False has no lm_head.weight in its file: loaded twice, its "
      f"logits are {from_saved:.2f} from the saved model's and {from_each_other:.2f} from each other.")
PYTHON
