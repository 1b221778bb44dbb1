#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.15.0 on the CPU, seen on 2026-11-29.
# Asked:    what beam search answers where there are more beams than continuations: 3 tokens, 4 beams, one step, 4 answers.
# Expected: an error, three answers, or a fourth that repeats one. Every id in an answer is a token of the vocabulary.
# Does:     the fourth answer is the prompt and then the id -1, which is no token, with a score of -1e9. Nothing is said.
#           With two steps there are 9 continuations, and all four answers are real.
# Seen:     FOUND: beam search with 4 beams over 3 tokens answers [1, 2, -1]: the id -1 is no token, its score is -1000000000.
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
N_VOCAB = 3


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


torch.manual_seed(0)
config = GPT2Config(vocab_size=N_VOCAB, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=None,
                    eos_token_id=None)
model = GPT2LMHeadModel(config).eval()


def answers(steps):
    out = model.generate(torch.tensor([[1, 2]]), num_beams=4, num_return_sequences=4, max_new_tokens=steps,
                         do_sample=False, pad_token_id=0, return_dict_in_generate=True, output_scores=True)
    return out.sequences.tolist(), out.sequences_scores.tolist()


one, scores = answers(1)
for answer, score in zip(one, scores):
    print(answer, f"{score:.4f}")
check(len(one) == 4, f"{len(one)} answers and not 4")
check(sorted(answer[2] for answer in one[:3]) == [0, 1, 2], "the first three answers are not the three tokens")
check(one[3] == [1, 2, -1], f"the fourth answer is now {one[3]}")
check(scores[3] < -1e8, f"the fourth score is now {scores[3]}")
two, _ = answers(2)
check(all(0 <= token < N_VOCAB for answer in two for token in answer), "two steps do not give four real answers")
check(len({tuple(answer) for answer in two}) == 4, "the four answers of two steps are not different")
print(f"FOUND: beam search with 4 beams over 3 tokens answers {one[3]}: the id -1 is no token, "
      f"its score is {scores[3]:.0f}.")
PYTHON
