#!/usr/bin/env bash
# numpy 2.4.6, seen on 2026-11-29.
#
# Expected: statistics of float16 numbers are added up in float32. `np.mean` says so in its documentation and does it. A layer
#   norm needs mean and variance of the same row: one expects `np.var` and `np.std` to be as careful.
# Seen: `np.var` and `np.std` add up in float16. Both the sum for their own mean and the squares pass 65504, the largest float16:
#   768 numbers near 300, whose spread is 1, have the variance infinity; so has a row of small numbers with a single 3000 in
#   it, as the residual stream of a trained GPT-2 has. A layer norm written with them answers nothing but zeros. In
#   PyTorch and in `np.var(x, dtype=np.float32)` it is right. (There is a RuntimeWarning about overflow.)
# Output: FOUND: the mean of a float16 row is computed in float32, its variance in float16, where it overflows to infinity
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check numpy==2.4.6
cd "$dir"
venv/bin/python -W ignore::RuntimeWarning - <<'PY'
import sys
import numpy as np

def check(holds, changed):
    if not holds:
        sys.exit(f"CHANGED: {changed}")

def layer_norm(x, variance):
    return (x - x.mean()) / np.sqrt(variance + np.float16(1e-5))

high = np.where(np.arange(768) % 2 == 0, 299, 301).astype(np.float16)  # mean 300, variance 1: each is exact
spike = np.where(np.arange(768) == 100, 3000, np.where(np.arange(768) % 2 == 0, 3, -3)).astype(np.float16)

for name, x in (("near 300", high), ("one of 3000", spike)):
    exact = x.astype(np.float64)
    check(abs(float(x.mean()) / exact.mean() - 1) < 1e-3, f"the mean of {name} is {x.mean()}")
    check(np.isinf(x.var()) and np.isinf(x.std()), f"the variance of {name} is {x.var()}")
    wide = x.var(dtype=np.float32)
    check(abs(wide / exact.var() - 1) < 1e-3, f"the variance in float32 is {wide}")
    check(not layer_norm(x, x.var()).any(), "the layer norm is not all zeros")
    print(f"{name}: mean {x.mean()} (exactly {exact.mean():.4f}), variance {x.var()} (exactly {exact.var():.4f})")

check(high.max() < 65504 and exact.var() < 65504, "numbers or variance do not fit in float16 themselves")
print("layer norm by np.var:", layer_norm(high, high.var())[:4].tolist())
print("in float32:          ", layer_norm(high, high.var(dtype=np.float32))[:4].tolist())
print("FOUND: the mean of a float16 row is computed in float32, its variance in float16, where it overflows to infinity")
PY
