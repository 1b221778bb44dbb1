"""Writes gpt2_merges.bin: GPT-2's 50,000 merges as pairs of token ids.

    python3 gpt2_merges.py merges.txt gpt2_merges.bin

`merges.txt` is the file that OpenAI published with GPT-2 as `vocab.bpe` and that every Hugging Face copy of GPT-2 holds as
`merges.txt` (for example in the repository `openai-community/gpt2`): 456,318 bytes, checked below by its SHA-256. See
gpt2_merges.NOTICE for its copyright and licence.

A merge is two ids, left and right, two bytes each, low byte first. Ids are OpenAI's: 0 to 255 are the single bytes (the
printable ones first), and merge number i makes token 256 + i. So a line such as "Ġ t" needs four bytes, and the first
line that uses its result can simply say 256.
"""

import hashlib
import struct
import sys

SHA256 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"

source, target = sys.argv[1:]
text = open(source, "rb").read()
if hashlib.sha256(text).hexdigest() != SHA256:
    sys.exit(f"error: {source} is not GPT-2's merges.txt (its SHA-256 differs)")

printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
ids = {symbol: i for i, symbol in enumerate(symbols)}

pairs = []
for line in text.decode("utf-8").splitlines()[1:]:  # the first line is "#version: 0.2"
    left, right = line.split(" ")
    pairs.append((ids[left], ids[right]))
    ids[left + right] = len(ids)

assert len(pairs) == 50_000 and len(ids) == 50_256
with open(target, "wb") as file:
    for left, right in pairs:
        file.write(struct.pack("<HH", left, right))
