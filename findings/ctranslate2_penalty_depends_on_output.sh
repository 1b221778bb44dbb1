#!/usr/bin/env bash
# ctranslate2 4.8.5 with numpy 2.4.6, seen on 2026-11-29.
#
# Expected: `include_prompt_in_result` says what the result holds and nothing else: with and without it the same new tokens are
#   written. (The documentation speaks of speed.) With `repetition_penalty`, as in transformers, every token of the
#   prompt counts as said before.
# Seen: with the prompt in the result (the default) all its tokens but the first are penalized. Without it none is: only
#   the new ones are. So the flag changes the text, and neither of the two is what transformers does.
# Output: FOUND: in ctranslate2 include_prompt_in_result decides which tokens repetition_penalty counts, and so which text is written
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

def written(prompt, in_result, n_new=10, penalty=1.8):
    longest = n_new + (len(prompt) - 1 if in_result else 0)
    made = model.generate_batch([texts(prompt)], end_token=[], max_length=longest, repetition_penalty=penalty,
                                include_prompt_in_result=in_result)[0].sequences_ids[0]
    return made[len(prompt):] if in_result else made

def by_hand(prompt, first_counted, n_new=10, penalty=1.8):
    """Greedy, by the logits of the whole text; the tokens from `first_counted` on are penalized."""
    ids = list(prompt)
    for _ in range(n_new):
        logits = np.array(model.forward_batch([ids]))[0][-1].copy()
        for token in set(ids[first_counted:]):
            logits[token] = logits[token] * penalty if logits[token] < 0 else logits[token] / penalty
        ids.append(int(logits.argmax()))
    return ids[len(prompt):]

for prompt in ([3, 42, 14, 9], [14, 42, 30, 3], [42, 14, 7]):
    with_prompt, without = written(prompt, True), written(prompt, False)
    print("prompt", prompt, "in the result:", with_prompt, "not in it:", without)
    check(written(prompt, True, penalty=1) == written(prompt, False, penalty=1), "they differ even without a penalty")
    check(with_prompt != without, "the flag no longer changes the text")
    check(with_prompt == by_hand(prompt, 1), "with the prompt, not all its tokens but the first are penalized")
    check(without == by_hand(prompt, len(prompt)), "without the prompt, not only the new tokens are penalized")

repeats = [14, 42, 30, 3]  # its first token is one that the model likes to say
check(written(repeats, True) != by_hand(repeats, 0), "the first token of the prompt is penalized too")
print("with the whole prompt penalized:", by_hand(repeats, 0), "after", repeats)
print("FOUND: in ctranslate2 include_prompt_in_result decides which tokens repetition_penalty counts, and so which text is written")
PY
