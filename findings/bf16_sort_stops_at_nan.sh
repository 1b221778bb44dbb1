#!/usr/bin/env bash
# ml_dtypes 0.6.0 with numpy 2.4.6, seen on 2026-11-30.
# Asked:    what np.sort does with a bfloat16 array that has one NaN in it.
# Expected: the numbers in order and the NaN last, as numpy's documentation says and as it is for float16 and float32. ml_dtypes
#           even has a comparison that says "NaNs sort to the end".
# Does:     that comparison is given to numpy, and then another one in its place, to which a NaN is equal to every number. So the
#           NaN is a wall: the numbers before it and those after it are not put in order with each other, by no kind of sort.
#           argsort, searchsorted, unique and median follow: the two highest of six logits are two of the lower ones, and a
#           median is a number where it should be NaN. float8 is the same. np.max and np.argmax find the NaN as they should.
# Seen:     FOUND: np.sort of 5, 1, 4, nan, 2, 3 is [1.0, 4.0, 5.0, nan, 2.0, 3.0] in bfloat16 and [1.0, 2.0, 3.0, 4.0, 5.0, nan] in
#           float16; the two highest by argsort are 2 and 3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: ml_dtypes==0.6.0 numpy==2.4.6
cd "$work"
venv/bin/python -W ignore::RuntimeWarning - <<'PYTHON'
import sys
import ml_dtypes
import numpy as np

NAN = float("nan")
logits = np.array([5, 1, 4, NAN, 2, 3], np.float32)
right = [1, 2, 3, 4, 5, NAN]
wall = [1, 4, 5, NAN, 2, 3]


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def numbers(array):
    return array.astype(np.float32).tolist()


def same(a, b):
    return np.array_equal(np.array(a, np.float32), np.array(b, np.float32), equal_nan=True)


for dtype in (np.float32, np.float16):
    check(same(np.sort(logits.astype(dtype)), right), f"numpy's own {dtype.__name__} is not sorted with the NaN last")
for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
    row = logits.astype(dtype)
    check(same(numbers(row), logits), f"{dtype.__name__} does not hold these numbers exactly")
    for kind in ("quicksort", "stable", "heapsort"):
        check(same(numbers(np.sort(row, kind=kind)), wall), f"{kind} of {dtype.__name__}: {numbers(np.sort(row, kind=kind))}")
    check(np.argmax(row) == 3 and np.isnan(row.max()), f"the maximum of {dtype.__name__} is not the NaN")

row = logits.astype(ml_dtypes.bfloat16)
print("bfloat16:", numbers(np.sort(row)), " float16:", numbers(np.sort(logits.astype(np.float16))))
highest = numbers(row[np.argsort(row)[-2:]])
print("the two highest by argsort:", highest, " in float32:", numbers(logits[np.argsort(logits)[-2:]]))
check(highest == [2, 3], f"the two highest are {highest}")
print("unique:", numbers(np.unique(row)), " searchsorted of 1 and 2 for a NaN:",
      int(np.searchsorted(np.array([1, 2], row.dtype), row[3])), "and in float32:", int(np.searchsorted([1, 2], NAN)))
check(same(numbers(np.unique(row)), wall), "unique is sorted")
check(np.searchsorted(np.array([1, 2], row.dtype), row[3]) == 0 and np.searchsorted([1, 2], NAN) == 2, "searchsorted changed")
first = np.array([NAN, 1, 2, 3, 4], np.float32)
print("median of nan, 1, 2, 3, 4:", float(np.median(first.astype(row.dtype))), " in float32:", float(np.median(first)))
check(np.median(first.astype(row.dtype)) == 2 and np.isnan(np.median(first)), "the median changed")

long = np.random.default_rng(0).permutation(np.arange(256)).astype(np.float32)
check(same(numbers(np.sort(long.astype(row.dtype))), np.arange(256)), "without a NaN bfloat16 is not sorted")
long[100] = NAN
ordered = np.sort(long.astype(row.dtype)).astype(np.float32)
ordered = ordered[~np.isnan(ordered)]
check((ordered[1:] < ordered[:-1]).any(), "255 numbers and a NaN are in order")
print(f"FOUND: np.sort of 5, 1, 4, nan, 2, 3 is {numbers(np.sort(row))} in bfloat16 and "
      f"{numbers(np.sort(logits.astype(np.float16)))} in float16; the two highest by argsort are {highest[0]:g} and {highest[1]:g}")
PYTHON
