#!/usr/bin/env bash
# torch 2.15.0 on the CPU, seen on 2026-11-30.
# Asked:    the gradient of a LayerNorm's bias in bf16, where each of 1000 rows adds 1 to it.
# Expected: 1000, as for the bias of a linear layer, of an RMSNorm's weight, or of a vector that is added to all rows:
#           the sum is made in more bits and rounded once.
# Does:     the sum is made in bf16, one for each thread, and 256 + 1 is 256 in bf16. With one thread the gradient is 256,
#           with two 512, with four 1000. Training a GPT-2 in bf16 on the CPU gives other gradients on another machine.
# Seen:     FOUND: in bf16 the gradient of a LayerNorm's bias over 1000 rows is [256.0, 512.0, 1000.0] with [1, 2, 4] threads;
#           a linear layer's is [1000.0, 1000.0, 1000.0].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
import torch

ROWS, WIDTH = 1000, 8
torch.manual_seed(0)
rows = torch.randn(ROWS, WIDTH)


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def bias_gradient(layer, dtype, threads):
    """Each row adds exactly 1 to the gradient of each number of the bias."""
    torch.set_num_threads(threads)
    layer = layer.to(dtype)
    layer(rows.to(dtype)).sum().backward()
    gradient = layer.bias.grad.tolist()
    check(len(set(gradient)) == 1, f"the numbers of the gradient differ: {gradient}")
    return gradient[0]


threads = [1, 2, 4]
norms = [bias_gradient(torch.nn.LayerNorm(WIDTH), torch.bfloat16, n) for n in threads]
linear = [bias_gradient(torch.nn.Linear(WIDTH, WIDTH), torch.bfloat16, n) for n in threads]
exact = [bias_gradient(torch.nn.LayerNorm(WIDTH), torch.float32, n) for n in threads]
print("threads", threads, "- LayerNorm in bf16", norms, "- in f32", exact, "- Linear in bf16", linear)
check(exact == [ROWS] * 3, "the gradient in f32 is not 1000")
check(linear == [ROWS] * 3, "the gradient of a linear layer's bias in bf16 is not 1000")
check(norms[0] == 256, "with one thread the gradient in bf16 is not 256, where 256 + 1 is 256")
check(norms[1] == 512, "with two threads it is not 512")
print(f"FOUND: in bf16 the gradient of a LayerNorm's bias over {ROWS} rows is {norms} with {threads} threads; "
      f"a linear layer's is {linear}.")
PYTHON
