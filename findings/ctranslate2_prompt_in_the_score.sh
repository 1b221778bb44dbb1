#!/usr/bin/env bash
# ctranslate2 4.8.5 with numpy 2.4.6, seen on 2026-11-29.
#
# Expected: the score of an answer is the sum of the log probabilities of its new tokens divided by their number, as in
#   transformers; and a prompt of 5 tokens with `max_length=10` gives 10 tokens in all, or 10 new ones.
# Seen: with the prompt in the result (the default) its log probabilities are left out of the sum, but its tokens, all but the
#   first, are counted in the division. The same answer scores -0.87 with its prompt and -1.19 without: a longer prompt makes
#   any answer look better. A beam search ranks by that score, and writes another text: with the prompt counted an answer of
#   one token wins, and without it one of ten, which has the better mean of its own.
#   `max_length` counts like that too: 10 gives 11 tokens, of which 6 are new.
# Output: FOUND: ctranslate2 divides the score of an answer by the length of its prompt too, whose log probabilities it does not add
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

prompt = [3, 14, 15, 9, 2]

def answer(**settings):
    made = model.generate_batch([texts(prompt)], end_token=[], return_scores=True, **settings)[0]
    return made.sequences_ids[0], made.scores[0]

def sum_of_log_probabilities(ids):
    """Of the tokens after the prompt, from one pass over the whole text."""
    rows = np.array(model.forward_batch([ids], return_log_probs=True))[0]
    return sum(float(rows[i - 1][ids[i]]) for i in range(len(prompt), len(ids)))

ids, _ = answer(max_length=10)
check(ids[:5] == prompt and len(ids) == 11, f"max_length=10 gives {len(ids)} tokens with the prompt")
print("max_length=10 with a prompt of 5:", len(ids), "tokens")

for beams in (1, 4):
    whole, with_prompt = answer(max_length=15, beam_size=beams)
    new = whole[5:]
    total = sum_of_log_probabilities(whole)
    print(f"{beams} beams, {len(new)} new tokens: sum {total:.4f}, score {with_prompt:.4f}, sum/{len(new)} {total / len(new):.4f}, "
          f"sum/{len(whole) - 1} {total / (len(whole) - 1):.4f}")
    check(abs(with_prompt - total / (len(whole) - 1)) < 1e-3, f"the score with the prompt is {with_prompt}")
    check(abs(with_prompt - total / len(new)) > 0.1, "the score is divided by the number of new tokens")

alone, without = answer(max_length=len(new), include_prompt_in_result=False)
greedy, with_prompt = answer(max_length=len(new) + 4)
check(greedy == prompt + alone, "the two ways write different texts")
check(abs(without - sum_of_log_probabilities(greedy) / len(new)) < 1e-3, f"the score without the prompt is {without}")
print(f"the same greedy answer: {with_prompt:.4f} with the prompt in the result, {without:.4f} without")

def beams(n_more, in_result):
    made = model.generate_batch([texts(prompt)], beam_size=4, end_token=["t6"], max_length=10 + n_more,
                                include_prompt_in_result=in_result)[0].sequences_ids[0]
    return made[5:] if in_result else made

short, long = beams(4, True), beams(0, False)
print("beam search that ends at t6:", short, "with the prompt,", long, "without")
check(len(short) < len(long), "the prompt no longer makes the beam search prefer the shorter answer")
print("FOUND: ctranslate2 divides the score of an answer by the length of its prompt too, whose log probabilities it does not add")
PY
