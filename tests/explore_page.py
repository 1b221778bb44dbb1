"""Opens the pages of `explore` in a browser, and uses them as a reader would. Run by hand:

    pip install playwright                     (and a chromium: the system's, or `playwright install chromium`)
    cargo build --examples
    python3 tests/explore_page.py target/debug/examples

It opens the pages from the disk, for the storybook and for models of odd sizes, wide and narrow, by day and by night, and
checks that

1. nothing is an error, and nothing is loaded besides the page itself;
2. nothing is wider than the window, and the colours follow the reader's choice;
3. every part unfolds, keys and taps choose a token, heads and stages change the map, the pointer shows numbers;
4. the probabilities behind the sliders are those that `logits --probs` prints, and what is drawn can be drawn;
5. the live page reads any text as the tokenizer does, and what it computes of it is what `explore` and `logits` compute.

Without playwright or a browser it says so, and checks nothing.
"""

import array
import json
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    print("SKIPPED: nothing was checked, because playwright is not installed (pip install playwright)")
    sys.exit(0)

examples = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/examples").resolve()
problems = []


def check(ok, what):
    print(("   " if ok else "!! ") + what, flush=True)
    if not ok:
        problems.append(what)


def write_model(folder, n_vocab, n_ctx, n_embd, n_head, n_layer):
    """A model of random weights without a vocabulary: a safetensors file is a header in JSON, and the numbers."""
    shapes = {"wte.weight": [n_vocab, n_embd], "wpe.weight": [n_ctx, n_embd], "ln_f.weight": [n_embd], "ln_f.bias": [n_embd]}
    for i in range(n_layer):
        for name, shape in {
            "ln_1.weight": [n_embd], "ln_1.bias": [n_embd], "ln_2.weight": [n_embd], "ln_2.bias": [n_embd],
            "attn.c_attn.weight": [n_embd, 3 * n_embd], "attn.c_attn.bias": [3 * n_embd],
            "attn.c_proj.weight": [n_embd, n_embd], "attn.c_proj.bias": [n_embd],
            "mlp.c_fc.weight": [n_embd, 4 * n_embd], "mlp.c_fc.bias": [4 * n_embd],
            "mlp.c_proj.weight": [4 * n_embd, n_embd], "mlp.c_proj.bias": [n_embd],
        }.items():
            shapes[f"h.{i}.{name}"] = shape
    header, numbers, rng = {}, array.array("f"), random.Random(1)
    for name, shape in shapes.items():
        start = 4 * len(numbers)
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        numbers.extend(rng.gauss(0, 0.5) for _ in range(n))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, 4 * len(numbers)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + numbers.tobytes())
    (folder / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "vocab_size": n_vocab, "n_positions": n_ctx, "n_embd": n_embd, "n_head": n_head,
        "n_layer": n_layer, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
    }))


def run(name, *args):
    return subprocess.run([examples / name, *args], capture_output=True, check=True, text=True).stdout


def set_slider(page, name, value):
    """What a reader's hand does: the value changes, and the page is told."""
    page.eval_on_selector(f"#{name}", "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
                          str(value))


def check_sliders(page, args, title):
    for temperature, top_k, top_p in [(1, 0, 1), (0.7, 0, 1), (1.5, 5, 1), (1, 3, 0.9), (0.5, 40, 0.95), (1, 0, 0.5), (2, 0, 0), (0, 0, 1)]:
        knobs = ["--temperature", str(temperature), "--top-k", str(top_k), "--top-p", str(top_p)]
        expected = [float(line) for line in run("logits", "--probs", *knobs, *args).split()]
        for name, value in [("temperature", temperature), ("top-k", top_k), ("top-p", top_p)]:
            set_slider(page, name, value)
        top_k_shown = int(page.input_value("#top-k"))  # a small vocabulary's slider ends early; so does top-k then
        bars = page.eval_on_selector_all("#next .bar", "bars => bars.map((bar) => [bar.dataset.id, bar.dataset.probability])")
        n_left = int(page.inner_text("#left").split()[0])
        error = max(abs(expected[int(i)] - float(p)) for i, p in bars)
        whole = page.evaluate(f"""Array.from(probabilitiesAfterKnobs(data.logits, orderOf(data.logits),
            Math.fround({temperature}), {top_k_shown}, Math.fround({top_p})))""")
        error = max(error, max(abs(a - b) for a, b in zip(whole, expected)))
        same_left = n_left == sum(p > 0 for p in expected)
        check(len(bars) > 0 and len(whole) == len(expected) and same_left and error < 1e-5,
              f"{title}: temperature {temperature}, top-k {top_k}, top-p {top_p}: {n_left} are left, "
              f"{error:.1e} from what `logits` says")
        removed = [int(i) for i, p in bars if float(p) == 0]
        check(all(expected[i] == 0 for i in removed), f"{title}: {len(removed)} of the {len(bars)} bars are removed")
    set_slider(page, "top-k", 1)
    page.click("#draw")
    drawn = page.inner_text("#drawn .token")
    best = page.inner_text("#next .label.drawn")
    check(drawn == best, f"{title}: with top-k 1 the best is drawn, {drawn!r}")
    page.click("#reset")
    check(page.inner_text("#drawn") == "" and page.input_value("#top-k") == "0", f"{title}: reset puts everything back")


def check_use(page, title):
    """Keys, taps, folds, heads, stages and the pointer."""
    n_seq = page.evaluate("nSeq")
    chosen = lambda: page.evaluate("chosen")
    check(chosen() == n_seq - 1, f"{title}: the last token is chosen at first")
    page.focus("#strip [aria-selected=true]")
    page.keyboard.press("ArrowLeft")
    check(chosen() == max(0, n_seq - 2), f"{title}: the left key chooses the token before")
    check(page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true", f"{title}: and goes there")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    check(chosen() == n_seq - 1, f"{title}: behind the last there is nothing")
    page.click("#tokens .card >> nth=0")
    check(chosen() == 0, f"{title}: a tap on a card chooses its token")
    check("first token" in page.inner_text("#expected"), f"{title}: of the first token nothing was expected")

    # Every block unfolds by its key, and draws.
    for i in range(page.evaluate("data.n_layer")):
        if not page.evaluate(f"document.getElementById('part-block-{i}').open"):
            page.focus(f"#part-block-{i} > summary")
            page.keyboard.press("Enter")
        page.wait_for_selector(f"#part-block-{i} .heads canvas")
        n = page.evaluate(f"document.querySelectorAll('#part-block-{i} canvas').length")
        check(n >= 12, f"{title}: block {i} has {n} pictures")
    pictures = page.evaluate("""[...document.querySelectorAll('canvas')].filter((canvas) => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return canvas.offsetWidth < 4 || pixels.some((value, i) => i % 4 === 3 && value !== 255);
    }).length""")
    check(pictures == 0, f"{title}: every picture is drawn")

    # The last head at every stage. The map's words are the numbers of the page.
    block = page.locator("#part-block-0")
    block.locator(".head").last.click()
    check(block.locator(".head").last.get_attribute("aria-pressed") == "true", f"{title}: a head is chosen")
    canvas = block.locator(".full canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for stage, corner in [("scores", None), ("scaled", None), ("masked", "masked"), ("softmax", "masked")]:
        block.locator(f"[data-stage={stage}]").click()
        check(block.locator(f"[data-stage={stage}]").get_attribute("aria-pressed") == "true", f"{title}: {stage} is shown")
        box = canvas.bounding_box()
        # The last column of the first row: the future, if there is one.
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 2)
        words = page.inner_text("#tip")
        if n_seq > 1:
            check(("masked" in words) == (corner == "masked"), f"{title}: the corner says {words!r}")
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        if stage == "softmax":
            check(page.inner_text("#tip").endswith("100 %"), f"{title}: the first token looks at itself alone")
    sums = page.evaluate("""data.blocks.flatMap((block) => {
        const scores = block.scores;
        return Array.from({length: data.n_head}, (_, h) => {
            const weights = attentionStage(scores.subarray(h * nSeq * nSeq, (h + 1) * nSeq * nSeq), nSeq, headSize, 'softmax');
            return Array.from({length: nSeq}, (_, t) => [
                weights.subarray(t * nSeq, t * nSeq + t + 1).reduce((a, b) => a + b, 0),
                weights.subarray(t * nSeq + t + 1, (t + 1) * nSeq).reduce((a, b) => a + b, 0)]);
        }).flat();
    })""")
    check(all(abs(seen - 1) < 1e-9 and ahead == 0 for seen, ahead in sums), f"{title}: {len(sums)} rows of attention add up to 1")

    # Pointing at a token, or going there by the tab key, shows where it looks.
    chip = block.locator(".looks .token").first
    page.click("#strip .token >> nth=-1")
    chip.hover()
    first = page.evaluate("textOf(data.ids[0])")
    check(f"“{first}” looks at itself (100 %)" in block.locator(".full .readout").inner_text(), f"{title}: pointing shows a look")
    page.mouse.move(1, 1)
    chip.focus()
    check(f"“{first}” looks at itself (100 %)" in block.locator(".full .readout").inner_text(), f"{title}: so does the tab key")

    # The lens ends with what the bars begin with.
    page.click("#strip .token >> nth=-1")
    last = page.locator("#lens-table tr").last.locator("td").last.inner_text()
    check(last == page.locator("#next .label").first.inner_text(), f"{title}: lens and bars agree on {last!r}")

    page.click("#fold-all")
    check(page.evaluate("document.querySelectorAll('details[open]').length") == 0, f"{title}: everything folds")
    page.click("#fold-all")
    check(page.evaluate("document.querySelectorAll('details[open]').length") > 5, f"{title}: and unfolds")


def varied_text(rng):
    """A text that makes trouble: scripts, marks, spaces of all kinds, contractions, and no rule."""
    kinds = [
        lambda: rng.choice(["the", "The", " king", "'s", "'S", "'ll", "'re", "'t", "don't", "o'clock", "''ve", " 'm", "I'd"]),
        lambda: rng.choice(["1", "42", " 1984", "½", "Ⅷ", "٣", " ⑦", "3.14", "²"]),
        lambda: rng.choice([" ", "  ", "   ", "\n", "\n\n", "\t", " \n ", "\u00a0", "\u3000", "\u0085", "\ufeff", "\u200b", "\u2028"]),
        lambda: rng.choice(["!", "...", " —", "“", "”", "<|endoftext|>", "</script>", "#$%", "_", "€", "\u0301", "\x1c", "\x7f"]),
        lambda: rng.choice(["🦀", "👩‍👩‍👧", "🇩🇪", "語", "第五", "שלום", "नमस्ते", "é", "e\u0301", "naïve", "Straße", "가"]),
        lambda: chr(rng.choice([rng.randrange(1, 128), rng.randrange(128, 0x3000), rng.randrange(0x3000, 0xD800)])),
    ]
    characters = "".join(rng.choice(kinds)() for _ in range(rng.randrange(1, 12)))
    # What is not assigned yet may be a letter by the time of another browser.
    return "".join(c for c in characters if unicodedata.category(c) != "Cn")


def tokenize(text, model):
    words = model or ["--storybook"]
    told = subprocess.run([examples / "tokenize", *words], input=text.encode(), capture_output=True, check=True)
    return [int(i) for i in told.stdout.split()]


def embedded_in(file):
    """The data of a page about one prompt."""
    text = file.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
    return json.loads(text)


LARGEST_DIFFERENCES = """(embedded) => {
    const largest = (numbers) => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const off = (here, there) => largest(here.map((x, i) => x - there[i])) / largest(there);
    const pictures = embedded.blocks.flatMap((block, i) =>
        Object.entries(block).map(([name, letters]) => off(data.blocks[i][name], f16(letters))));
    pictures.push(off(data.wte, f16(embedded.wte)), off(data.wpe, f16(embedded.wpe)));
    let lens = Math.max(0, ...data.probability_of_next.map((p, t) => Math.abs(p - embedded.probability_of_next[t])));
    let others = 0;
    embedded.lens.forEach((row, layer) => row.forEach((reading, t) => {
        const here = data.lens[layer][t];
        if (here[0] !== reading[0]) others++;
        for (let i = 1; i < reading.length; i += 2) {
            if (here[i] !== reading[i]) others++;
            lens = Math.max(lens, Math.abs(here[i + 1] - reading[i + 1]));
        }
    }));
    return [Math.max(...pictures), lens, others, Math.max(...data.logits.map((x, i) => Math.abs(x - f32(embedded.logits)[i])))];
}"""


SHOWN = "Once upon a time there was a little girl"


def type_text(page, text):
    """Types a text, and waits until the page shows it."""
    page.evaluate("window.before = data")
    page.fill("#prompt", text)
    page.wait_for_function("data !== window.before")


def check_live(page, folder, title, model):
    """`model`: the flags that name the page's model."""
    shown = SHOWN
    check(page.input_value("#prompt") == shown and page.evaluate("data.ids") == tokenize(shown, model), f"{title}: it begins with {shown!r}")
    print(f"   {page.inner_text('#said')}")
    texts = ["The king said to his", "The queen said to his", "", " ", "  \n ", "🦀", "é", "x", "don't 'S <b></script>&amp;",
             "the old king went " * 25, "Once upon a time there was a little girl"]
    for text in texts:
        page.evaluate("viewOfBlock[0].head = 2")
        type_text(page, text)
        ids = page.evaluate("data.ids")
        expected = tokenize(text, model) if text else [page.evaluate("model.end_of_text")]
        name = f"{title}, {text[:24]!r}"
        check(ids == expected[-64:], f"{name}: the same {len(ids)} tokens")
        check(page.evaluate("data.n_before") == max(0, len(expected) - 64), f"{name}: {page.inner_text('#said')}")
        check(page.is_visible("#left-out") == (len(expected) > 64), f"{name}: what is left out is said")
        check(("No text yet" in page.inner_text("#said")) == (text == ""), f"{name}: an empty text is explained")
        given = " ".join(map(str, ids))
        run("explore", "--out", str(folder / "still.html"), "--ids", given, *model)
        pictures, lens, others, logits = page.evaluate(LARGEST_DIFFERENCES, embedded_in(folder / "still.html"))
        raw = [float(line) for line in run("logits", "--raw", "--ids", given, *model).split()]
        off = max(abs(a - b) for a, b in zip(raw, page.evaluate("Array.from(data.logits)")))
        check(len(raw) == page.evaluate("data.logits.length") and off < 1e-4 and logits < 1e-4, f"{name}: {off:.1e} from `logits --raw`")
        check(pictures < 1e-3, f"{name}: every picture as `explore` has it, but for {pictures:.1e}")
        check(lens < 1e-4 and others <= 2, f"{name}: every guess too, but for {lens:.1e} and {others} places")
        check(page.locator("#part-block-0 .head").nth(2).get_attribute("aria-pressed") == "true", f"{name}: the chosen head stays")

    # The tokenizer alone, on what is hardest.
    rng = random.Random(7)
    wrong = []
    for _ in range(40):
        parts = [varied_text(rng) for _ in range(25)]
        here = page.evaluate("(text) => encode(text)", "".join(parts))
        if here != tokenize("".join(parts), model):
            wrong += [part for part in parts if page.evaluate("(text) => encode(text)", part) != tokenize(part, model)] or [parts]
    check(wrong == [], f"{title}: 40 texts of 25 odd pieces become the same tokens {wrong[:3]}")

    # What is folded stays folded, and the place on the page stays.
    page.click("#part-block-2 > summary")
    page.click("#part-embeddings > summary")
    page.locator("#part-block-2 .full canvas").scroll_into_view_if_needed()
    before = page.locator("#part-block-2 .step").nth(2).bounding_box()["y"]
    type_text(page, "The cat sat on the mat, and the dog")
    check(page.evaluate("document.getElementById('part-block-2').open && !document.getElementById('part-embeddings').open"),
          f"{title}: folds stay")
    after = page.locator("#part-block-2 .step").nth(2).bounding_box()["y"]
    check(abs(before - after) < 2, f"{title}: what was in sight stays, but for {after - before:.0f} pixels")
    page.keyboard.press("ArrowLeft")
    check(page.evaluate("chosen") == page.evaluate("nSeq") - 1, f"{title}: in the text an arrow key moves the cursor alone")
    page.click("#fold-all")
    type_text(page, shown)
    check(page.evaluate("document.querySelectorAll('details[open]').length") == 0, f"{title}: all stays folded")
    page.click("#fold-all")


def main(browser, folder):
    write_model(folder / "one", 11, 8, 8, 1, 1)
    write_model(folder / "odd", 50, 64, 15, 5, 3)
    # A vocabulary of its own, and weights that are f16 numbers, as the page has them.
    text = Path(__file__).parent.parent / "docs" / "00-what-is-a-gpt.md"
    sizes = "--n-layer 3 --n-head 3 --n-embd 48 --n-ctx 64 --n-vocab 400 --batch 4 --steps 20".split()
    run("train", str(text), "--out", str(folder / "trained"), *sizes)
    run("export", "--model", str(folder / "trained"), "--dtype", "f16", str(folder / "own"))
    run("export", "--model", str(folder / "trained"), "--dtype", "int8", str(folder / "bytes"))
    everything = "\"</script><b>x</b> 🦀 café & 語\u2028\u0001 said the\tking"
    cases = [
        ("storybook", ["Once upon a time there was a little girl"]),
        ("everything", [everything]),
        ("empty", [""]),
        ("one token", ["--model", str(folder / "one"), "--ids", "3"]),
        ("one head", ["--model", str(folder / "one"), "--ids", "0 10 0 1 2 3 4 5"]),
        ("odd", ["--model", str(folder / "odd"), "--ids", " ".join(str(i % 50) for i in range(64))]),
        ("live", ["--live"]),
        ("live, a model of one's own", ["--live", "--model", str(folder / "own")]),
        ("live, matrices of bytes", ["--live", "--model", str(folder / "bytes")]),
    ]
    for title, args in cases:
        file = folder / "page.html"
        run("explore", "--out", str(file), *args)
        for width, scheme in [(1400, "light"), (400, "dark")]:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500)
            page = context.new_page()
            errors, requests = [], []
            page.on("console", lambda message: errors.append(message.text))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(file.as_uri())
            name = f"{title}, {width} {scheme}"
            dark = page.evaluate("""getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((c) => c < 100)""")
            check(dark == (scheme == "dark"), f"{name}: the paper has the colour of the {'night' if dark else 'day'}")
            is_live = "--live" in args
            words = [arg for arg in args if arg != "--live"]
            if is_live and width > 500:
                check_live(page, folder, name, words)
            check_use(page, name)
            if width > 500:
                check_sliders(page, [*words, SHOWN] if is_live else words, name)
            too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            check(not too_wide, f"{name}: nothing is wider than the window")
            page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
            check(errors == [], f"{name}: no error {errors[:3]}")
            check(requests == [file.as_uri()], f"{name}: nothing is loaded but the page")
            context.close()


with sync_playwright() as playwright:
    system = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox"])
    except Exception as error:  # whatever kind it is, there is no browser
        print(f"SKIPPED: nothing was checked, because no chromium could be started: {str(error).splitlines()[0]}")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as folder:
        main(browser, Path(folder))
    browser.close()

print(f"{len(problems)} problems")
sys.exit(1 if problems else 0)
