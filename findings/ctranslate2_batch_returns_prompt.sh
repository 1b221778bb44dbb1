#!/usr/bin/env bash
# ctranslate2 4.8.5 with numpy 2.4.6, seen on 2026-11-29.
#
# Expected: with `include_prompt_in_result=False` a result holds new tokens only; and prompts of different lengths in one batch
#   get the answers that each would get alone.
# Seen: as many tokens as the shortest prompt has are left out of every result. The rest of a longer prompt comes back as if
#   the model had written it, and takes its part of `max_length`: a prompt of 5 beside one of 1, `max_length=8`, gives 4 tokens of
#   the prompt and 4 new ones. The score counts them as certain: -0.56 where the prompt alone has -1.04.
#   (The documentation says that such tokens are generated "with constrained decoding", not that they are returned.)
#   With `max_batch_size=1` the same call is right.
# Output: FOUND: in a batch, ctranslate2 returns the end of a longer prompt as new text although the prompt was to be left out
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
    return ctranslate2.Generator(folder, compute_type="float32")

model = tiny_gpt2("model")
def texts(ids):
    return [f"t{i}" for i in ids]

long, short = [3, 14, 15, 9, 2], [7]

def answers(prompts, max_length=8, **settings):
    made = model.generate_batch([texts(p) for p in prompts], end_token=[], max_length=max_length, return_scores=True,
                                include_prompt_in_result=False, **settings)
    return [(m.sequences_ids[0], m.scores[0]) for m in made]

def same(one, other):
    return one[0] == other[0] and abs(one[1] - other[1]) < 1e-3

alone = [answers([p])[0] for p in (long, short)]
together = answers([long, short])
for prompt, a, b in zip((long, short), alone, together):
    print(f"prompt {prompt}: alone {a[0]} ({a[1]:.3f}), in the batch {b[0]} ({b[1]:.3f})")

check(same(together[1], alone[1]), "the shortest prompt of a batch gets another answer")
check(together[0][0] == long[1:] + alone[0][0][:4], "the longer prompt's own tokens are no longer in its result")
sum_of_four = 4 * answers([long], max_length=4)[0][1]
check(abs(together[0][1] - sum_of_four / 8) < 1e-3, "its score is not the sum of the four new tokens divided by eight")
apart = answers([long, short], max_batch_size=1)
check(all(same(a, b) for a, b in zip(apart, alone)), "max_batch_size=1 does not separate them")
check(answers([long, long])[0][0] == alone[0][0], "prompts of one length are not right either")
print("FOUND: in a batch, ctranslate2 returns the end of a longer prompt as new text although the prompt was to be left out")
PY
