"""Compares what this crate writes as GGUF with what llama.cpp and the Python package gguf make of it. Run by hand:

    pip install gguf safetensors llama-cpp-python
    cargo build --release --examples
    python3 tests/llama_cpp_check.py target/release/examples

Of the storybook, as f32, f16, bf16 and q8_0:

1. every tensor of the file, as gguf dequantizes it, against that of `export --format hf`, and the size and padding of the file;
2. the ids that llama.cpp gives some texts, against `tokenize`;
3. forty greedy ids of llama.cpp, against `greedy --ids`. Where they differ, the position and the two logits there are shown: the
   logits of llama.cpp are not those of this crate to the last digit, because its GELU comes from a table of 16-bit numbers;
4. what this crate reads from its own file, against the model of the other form: the same ids.

Where a package is missing, what needs it is passed over, and the script says so.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

examples = Path(sys.argv[1])
problems = []

try:
    import gguf
    import numpy as np
    from gguf.quants import dequantize
except ImportError as missing:
    print(f"SKIPPED: everything ({missing})")
    sys.exit(0)
try:
    import llama_cpp
except ImportError as missing:
    print(f"SKIPPED: running the models ({missing})")
    llama_cpp = None

TEXTS = ["Once upon a time", "The old fox saw the little girl, who said: 'I'm 12!'", " two  spaces\n\nand caf\u00e9s \U0001f98a"]
PARTS = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2"}
PARTS |= {"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
OTHERS = {"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"}
# Half a step of the largest number of a block, and what its scale loses in 16 bits.
ALLOWED = {"f32": 0.0, "f16": 2**-11, "bf16": 2**-8, "q8_0": 0.5 / 127 + 2**-11}


def run(name, *args, text=None):
    process = subprocess.run([examples / name, *args], input=text, capture_output=True, check=True)
    return process.stdout.decode()


def check(ok, what):
    print(("   " if ok else "!! ") + what, flush=True)
    if not ok:
        problems.append(what)


def read_safetensors(path):
    """The tensors of a file of F32, by name: no package needed."""
    data = path.read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[8 + n + begin : 8 + n + end], np.float32).reshape(entry["shape"])
    return tensors


def own_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("blk."):
        _, i, part = stem.split(".")
        return f"transformer.h.{i}.{PARTS[part]}.{kind}"
    return f"transformer.{OTHERS[stem]}.{kind}"


def check_tensors(path, expected, kind):
    reader = gguf.GGUFReader(path)
    worst = 0.0
    for tensor in reader.tensors:
        numbers = dequantize(tensor.data, tensor.tensor_type).reshape(tuple(reversed(tensor.shape.tolist())))
        name = own_name(tensor.name)
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            numbers = numbers.T
        other = expected.pop(name)
        is_plain = numbers.ndim == 1 or tensor.name == "position_embd.weight"
        allowed = 0.0 if is_plain else ALLOWED[kind] * np.abs(other).max()
        difference = np.abs(numbers - other).max()
        worst = max(worst, difference)
        if numbers.shape != other.shape or difference > allowed:
            check(False, f"{kind}: {tensor.name} differs by {difference}, allowed {allowed}")
    check(not expected, f"{kind}: all {len(reader.tensors)} tensors are there; the largest difference is {worst:.2e}")


def check_llama(path, directory, kind):
    model = llama_cpp.Llama(
        str(path), n_ctx=256, n_threads=2, logits_all=True, verbose=False, type_k=0, type_v=0, flash_attn=False
    )  # type 0 is F32: the cache of llama.cpp is of 16 bits otherwise
    for text in TEXTS:
        ours = [int(i) for i in run("tokenize", "--model", directory, text=text.encode()).split()]
        theirs = model.tokenize(text.encode(), add_bos=False, special=False)
        check(ours == theirs, f"{kind}: {text!r} is {len(ours)} tokens in both")
    ids = model.tokenize(TEXTS[0].encode(), add_bos=False)
    # Both read the same file: what differs is the computation alone.
    ours = [int(i) for i in run("greedy", "--model", path, "--ids", " ".join(map(str, ids)), "--tokens", "40").split()]
    known, theirs, logits = list(ids), [], []
    model.eval(known)
    for _ in range(40):
        row = np.array(model.scores[len(known) - 1])
        logits.append(row)
        theirs.append(int(row.argmax()))
        known.append(theirs[-1])
        model.eval(known[-1:])
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), None)
    if first is None:
        check(len(ours) > 0, f"{kind}: {len(ours)} greedy ids are those of llama.cpp")
        return
    a, b = logits[first][ours[first]], logits[first][theirs[first]]
    what = f"{kind}: greedy ids differ first at {first}: {ours[first]} and {theirs[first]}, logits {a:.4f} and {b:.4f} in llama.cpp"
    # Where two logits are that close, either may be the larger.
    check(b - a < (0.1 if kind == "q8_0" else 0.02), what)


with tempfile.TemporaryDirectory() as scratch:
    plain = Path(scratch) / "hf"
    run("export", plain, "--format", "hf", "--dtype", "f32")
    for kind in ALLOWED:
        directory = Path(scratch) / kind
        run("export", directory, "--format", "gguf", "--dtype", kind)
        (path,) = directory.rglob("*.gguf")
        check_tensors(path, read_safetensors(plain / "model.safetensors"), kind)
        if llama_cpp:
            check_llama(path, plain, kind)
        texts = [run("greedy", "--model", where, TEXTS[0], "--tokens", "20").strip() for where in (path, plain)]
        check(kind != "f32" or texts[0] == texts[1], f"{kind}: this crate, from its own file: {texts[0]!r}")

print("\n".join(["", f"{len(problems)} problems"] if problems else ["", "All is well."]))
sys.exit(1 if problems else 0)
