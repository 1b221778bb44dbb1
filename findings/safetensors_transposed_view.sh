#!/usr/bin/env bash
# safetensors 0.8.0 with numpy 2.4.6, seen on 2026-11-29.
#
# Expected: `safetensors.numpy.save_file` writes the array that it is given. Numpy's `w.T` is a view: the same numbers in
#   memory, read in another order. Numpy's own `tobytes` and `np.save` follow that order, and so would one expect here.
#   (The same function for PyTorch refuses such a tensor with an error.)
# Seen: the header has the shape of `w.T`, the numbers stand in the order of `w`. No error and no warning: a matrix of the
#   right shape comes back with its numbers shuffled. It meets whoever turns GPT-2's `[in, out]` weights into `[out, in]`.
#   A big-endian array, also not what the file holds, is turned as it should.
#   `np.ascontiguousarray(w.T)` is written rightly.
# Output: FOUND: safetensors.numpy.save_file writes a transposed array's numbers in the order of the array it is a view of
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cd "$dir"
venv/bin/python - <<'PY'
import sys
import numpy as np
from safetensors.numpy import load_file, save_file

def check(holds, changed):
    if not holds:
        sys.exit(f"CHANGED: {changed}")

def saved_and_read(array):
    save_file({"h.0.attn.c_attn.weight": array}, "model.safetensors")
    return load_file("model.safetensors")["h.0.attn.c_attn.weight"]

w = np.arange(12, dtype=np.float32).reshape(3, 4)  # [in, out], every number another
turned = w.T                                       # [out, in], a view of the same memory
check(np.array_equal(np.frombuffer(turned.tobytes(), np.float32).reshape(4, 3), turned), "tobytes no longer follows the view")

back = saved_and_read(turned)
check(back.shape == (4, 3), f"the shape is {back.shape}")
check(not np.array_equal(back, turned), "the transposed view comes back as it was given")
check(np.array_equal(back, w.reshape(4, 3)), "the numbers are in neither order")

check(np.array_equal(saved_and_read(np.ascontiguousarray(turned)), turned), "a copy is not written rightly either")
check(np.array_equal(saved_and_read(w.astype(">f4")), w), "a big-endian array is not turned")

print("given: ", turned.tolist())
print("read:  ", back.tolist())
print("FOUND: safetensors.numpy.save_file writes a transposed array's numbers in the order of the array it is a view of")
PY
