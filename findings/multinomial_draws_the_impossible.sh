#!/usr/bin/env bash
# torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    what torch.multinomial does when it is to draw two different tokens and all but one have the probability 0.
# Expected: an error. Its documentation demands enough tokens above 0, and a probability of 0 or less for all of them, or
#           one below 0, is an error.
# Does:     it draws tokens of probability 0 and says nothing. Whoever draws several tokens at once after top-k, as beam
#           sampling does, may get tokens that top-k has removed. A row with no token above 0 is refused.
# Seen:     FOUND: torch.multinomial asked for 3 of 5 tokens without replacement drew [2, 4, 0] from the probabilities
#           [0.0, 0.0, 1.0, 0.0, 0.0], without an error
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
import torch


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def refuses(probabilities, n):
    try:
        torch.multinomial(torch.tensor(probabilities), n)
    except RuntimeError as error:
        print("refused:", str(error).splitlines()[0])
        return True
    return False


check(refuses([0.0, 0.0, 0.0], 1), "a row of zeros is drawn from")
check(refuses([0.5, -0.5, 1.0], 1), "a probability below 0 is taken")
check(refuses([0.5, 0.5], 3), "three different ones of two tokens are drawn")

# One token is possible: three different ones cannot be drawn.
probabilities = [0.0, 0.0, 1.0, 0.0, 0.0]
torch.manual_seed(0)
drawn = torch.multinomial(torch.tensor(probabilities), 3).tolist()
print("drawn", drawn, "from", probabilities)
check(len(drawn) == 3 and drawn[0] == 2, f"{drawn} was drawn")
check(sorted(probabilities[i] for i in drawn) == [0.0, 0.0, 1.0], "no token of probability 0 was drawn")

# Top-k 2 of four logits, as a sampler would do it, and four candidates asked for.
logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
logits[logits < logits.topk(2).values[-1]] = -torch.inf
candidates = torch.multinomial(logits.softmax(-1), 4).tolist()
print("four candidates after top-k 2:", candidates)
check(sorted(candidates) == [0, 1, 2, 3], "the tokens that top-k removed were not drawn")
check(set(candidates[:2]) == {0, 1}, "a removed token comes before one that is left")
print(f"FOUND: torch.multinomial asked for 3 of 5 tokens without replacement drew {drawn} from the probabilities "
      f"{probabilities}, without an error")
PYTHON
