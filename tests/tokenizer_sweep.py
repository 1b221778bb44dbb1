"""Compares `tokenize` with tiktoken on every character there is. Run by hand: it needs `pip install tiktoken`.

    cargo build --example tokenize
    python3 tests/tokenizer_sweep.py target/debug/examples/tokenize merges.txt          (GPT-2's merges.txt)

Every scalar value (1,112,064 of them) stands alone on a line, after a letter, after a space and before a number, and between
numbers with letters after it. If its class were wrong, one of these texts would be cut in other places. At the end of its own
line it also meets a line feed, which tells white space from the rest. All must give the same ids.
"""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "fixtures"))
sys.dont_write_bytecode = True
from tokenizer import gpt2

tokenize, merges = sys.argv[1:]
encoding = gpt2(merges)
scalars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
failures = 0
for name, text_of in {
    "alone": lambda c: c,
    "after a letter": lambda c: "a" + c,
    "after a space": lambda c: " " + c + "1",
    "between numbers": lambda c: "1" + c + "2 " + c + "a",
}.items():
    texts = [text_of(c) for c in scalars]
    whole = "\n".join(texts)
    result = subprocess.run([tokenize], input=whole.encode(), stdout=subprocess.PIPE, check=True)
    found, expected = list(map(int, result.stdout.split())), encoding.encode_ordinary(whole)
    back = subprocess.run([tokenize, "--decode"], input=result.stdout, stdout=subprocess.PIPE, check=True)
    same = found == expected and back.stdout == whole.encode()
    failures += not same
    print(f"{name}: {len(texts)} texts, {len(expected)} ids, {'the same' if same else 'DIFFERENT'}")
    if found != expected:
        at = next((i for i, (f, e) in enumerate(zip(found, expected)) if f != e), min(len(found), len(expected)))
        around = encoding.decode_bytes(expected[max(0, at - 3) : at + 3])
        print(f"  first at id {at}, near {around!r}: expected {expected[at : at + 3]}, found {found[at : at + 3]}")
sys.exit(failures > 0)
