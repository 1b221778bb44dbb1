#!/usr/bin/env bash
# ctranslate2 4.8.5 with numpy 2.4.6, seen on 2026-11-30.
# Asked:    whether set_random_seed(3) before each draw makes the draws alike.
# Expected: yes, as in PyTorch or numpy: the seed sets the generator back. (The documentation: "Sets the seed of random
#           generators.")
# Does:     a model's thread takes the seed when it draws for the first time, and goes on from there: a later call changes
#           nothing. A text can be repeated only with the model loaded anew after the call.
# Seen:     FOUND: set_random_seed(3) before each of 3 draws gives 3 different texts from one loaded model, and the first of them again
#           from a model loaded after it
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check ctranslate2==4.8.5 numpy==2.4.6
cd "$dir"
venv/bin/python - <<'PY'
import os
import sys
import ctranslate2
import numpy as np
from ctranslate2.specs import Activation, TransformerDecoderModelSpec

def check(holds, changed):
    if not holds:
        sys.exit(f"CHANGED: {changed}")

def tiny_gpt2(folder, n_vocab=50, d=32, n_ctx=64, n_layer=2, n_head=4):
    """A GPT-2 of random numbers, laid out as ctranslate2's own converter lays one out."""
    random = np.random.default_rng(0)
    def numbers(*shape, size=0.3):
        return (random.standard_normal(shape) * size).astype(np.float32)
    def norm(spec):
        spec.gamma, spec.beta = 1 + numbers(d, size=0.03), numbers(d, size=0.03)
    def linear(spec, n_out, n_in):
        spec.weight, spec.bias = numbers(n_out, n_in), numbers(n_out, size=0.03)
    spec = TransformerDecoderModelSpec.from_config(n_layer, n_head, activation=Activation.GELUTanh)
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = decoder.projection.weight = numbers(n_vocab, d)
    decoder.position_encodings.encodings = numbers(n_ctx, d)
    norm(decoder.layer_norm)
    for block in decoder.layer:
        norm(block.self_attention.layer_norm)
        linear(block.self_attention.linear[0], 3 * d, d)
        linear(block.self_attention.linear[1], d, d)
        norm(block.ffn.layer_norm)
        linear(block.ffn.linear_0, 4 * d, d)
        linear(block.ffn.linear_1, d, 4 * d)
    spec.register_vocabulary(["<|endoftext|>"] + [f"t{i}" for i in range(1, n_vocab)])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "<|endoftext|>"
    spec.validate()
    spec.optimize()
    os.makedirs(folder)
    spec.save(folder)

tiny_gpt2("model")

def texts(ids):
    return [f"t{i}" for i in ids]

def fresh():
    return ctranslate2.Generator("model", compute_type="float32")

def drawn(model, seed):
    ctranslate2.set_random_seed(seed)
    made = model.generate_batch([texts([5, 9, 11])], end_token=[], max_length=10, sampling_topk=0,
                                include_prompt_in_result=False)
    return made[0].sequences_ids[0]

model = fresh()
one = [drawn(model, 3) for _ in range(3)]
anew = [drawn(fresh(), 3) for _ in range(3)]
other = drawn(fresh(), 4)
print("one model, seed 3 each time: ", *one, sep="\n  ")
print("a model loaded for each draw:", *anew, sep="\n  ")
check(len(set(map(tuple, one))) == 3, "a seed set again makes the same text")
check(anew == [one[0]] * 3, "a model loaded after the seed was set does not write the same text")
check(other != one[0], "another seed gives the same text")
print("FOUND: set_random_seed(3) before each of 3 draws gives 3 different texts from one loaded model, and the first of them again "
      "from a model loaded after it")
PY
