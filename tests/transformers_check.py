"""Compares this crate with transformers where it takes too long, or too much, for `cargo test`. Run by hand:

    pip install torch transformers safetensors
    cargo build --release --examples
    python3 tests/transformers_check.py target/release/examples

1. A model of GPT-2's own size, 124 million random weights, in a file laid out as OpenAI's: no prefix, mask buffers beside
   the weights, no head. Logits after 1, 2, 17 and 1024 tokens, 40 greedy ids, and the most memory that was used.
2. The storybook, written by `export`, read by transformers: ids and logits of ten stories, and a greedy text.

Prints what it measures, and fails if a relative difference is above 1e-4, an id differs, or memory is above 1.2 times the file.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

examples = Path(sys.argv[1])
torch.set_num_threads(2)
problems = []


# A process begins with the memory record of the one that started it. So a small one stands between this large one and the
# example.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(status != 0)
"""


def run(name, *args):
    """What an example prints, and the most memory it used, in bytes."""
    process = subprocess.run([sys.executable, "-c", MEASURE, examples / name, *args], capture_output=True, check=True)
    return process.stdout.decode(), int(process.stderr) * 1024  # Linux counts kilobytes


def check(ok, what):
    print(("   " if ok else "!! ") + what, flush=True)
    if not ok:
        problems.append(what)


def last_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1]


def difference(found, expected):
    """max|a-b| / max|b|"""
    found = torch.tensor([float(x) for x in found.split()])
    assert found.shape == expected.shape
    return ((found - expected).abs().max() / expected.abs().max()).item()


def greedy(model, ids, n):
    # The end token is taken away: random weights would choose it by chance. All ids are visible, 0 too.
    ids = torch.tensor([ids])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, do_sample=False, pad_token_id=0, eos_token_id=None)
    return out[0, ids.shape[1] :].tolist()


def of_full_size(directory):
    torch.manual_seed(60)
    model = GPT2LMHeadModel(GPT2Config(initializer_range=0.05, eos_token_id=None, bos_token_id=None)).eval()
    model.save_pretrained(directory)
    file = directory / "model.safetensors"
    tensors = {name.removeprefix("transformer."): t for name, t in load_file(file).items()}
    for i in range(model.config.n_layer):
        tensors[f"h.{i}.attn.bias"] = torch.tril(torch.ones(1024, 1024)).view(1, 1, 1024, 1024)
    save_file(tensors, file, metadata={"format": "pt"})
    size = file.stat().st_size
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tensors)} tensors, a file of {size:,} bytes")

    rng = random.Random(60)
    worst, most = 0, 0
    for n in (1, 2, 17, 1024):
        ids = [rng.randrange(50257) for _ in range(n)]
        out, memory = run("logits", "--model", directory, "--raw", "--ids", " ".join(map(str, ids)))
        worst = max(worst, difference(out, last_logits(model, ids)))
        if n == 1:
            most = memory  # loading, and hardly anything else
            check(memory <= 1.2 * size, f"most memory, loading and one token: {memory / 1e6:.0f} MB, {memory / size:.3f} of the file")
    check(worst <= 1e-4, f"logits after 1, 2, 17 and 1024 tokens: largest relative difference {worst:.1e}")
    ids = [464, 3797, 3332, 319, 262]
    out, _ = run("greedy", "--model", directory, "--tokens", "40", "--ids", " ".join(map(str, ids)))
    found, expected = list(map(int, out.split())), greedy(model, ids, 40)
    same = sum(a == b for a, b in zip(found, expected))
    check(found == expected, f"greedy ids: {same} of 40 the same, {len(set(expected))} of them distinct")


STORIES = [
    "Once upon a time",
    "The little fox ran over the hill, and the hen ran after him. ",
    "  Two  spaces,\ttabs\n\n\nand empty lines \n",
    "\"Why can't you come?\" said the King. \"I've no shoes,\" she'd say, and they'll believe it.",
    "In 1912 there were 365 days; 7 of them fell on a Sunday.",
    "Caf\u00e9, na\u00efve, \u201cquoted\u201d \u2014 and \u65e5\u672c\u8a9e, \u0928\u092e\u0938\u094d\u0924\u0947, \U0001F98A.",
    "ONE DAY THE GIANT SHOUTED: WHO IS THERE??? ... nobody!!!",
    "x" * 300,
    "There was a tree. " * 40,
    "The end.<|endoftext|>",
]


def export(directory):
    run("export", directory)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    n_ctx, worst, same_ids = model.config.n_positions, 0, 0
    for story in STORIES:
        # Here <|endoftext|> in a prompt is thirteen characters; transformers can be asked for the same.
        ids = tokenizer(story, split_special_tokens=True)["input_ids"]
        process = subprocess.run([examples / "tokenize", "--storybook"], input=story.encode(), capture_output=True, check=True)
        same_ids += list(map(int, process.stdout.split())) == ids
        ids = ids[:n_ctx]
        out, _ = run("logits", "--raw", "--ids", " ".join(map(str, ids)))
        worst = max(worst, difference(out, last_logits(model, ids)))
    check(same_ids == len(STORIES), f"{same_ids} of {len(STORIES)} stories have the same ids")
    check(worst <= 1e-4, f"their logits: largest relative difference {worst:.1e}")
    out, _ = run("greedy", "--tokens", "60", STORIES[0])
    expected = tokenizer.decode(greedy(model, tokenizer(STORIES[0])["input_ids"], 60))
    check(out == expected + "\n", f"60 greedy tokens: {expected!r}")


print(f"torch {torch.__version__}, transformers {transformers.__version__}")
for title, work in [("A model of full size", of_full_size), ("The storybook, exported", export)]:
    print(title)
    with tempfile.TemporaryDirectory() as directory:
        work(Path(directory))
print(f"{len(problems)} problems")
sys.exit(bool(problems))
