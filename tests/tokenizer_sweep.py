"""Compares `tokenize` with tiktoken on every character there is. Run by hand: it needs `pip install tiktoken`.

    cargo build --example tokenize
    python3 tests/tokenizer_sweep.py target/debug/examples/tokenize merges.txt          (GPT-2's merges.txt)

* Every scalar value (1,112,064 of them) stands alone on a line, after a letter, after a space and before a number, and
  between numbers with letters after it. If its class were wrong, one of these texts would be cut in other places. At the
  end of its own line it also meets a line feed, which tells white space from the rest.
* Sentences in 25 scripts, words of random letters of each, and sequences of emoji.
* 100,000 random strings, of the characters between which the split rule decides and of any others.
* Runs of 100,000 equal characters.

All must give the same ids, and these ids the text again. A last line says how many texts differed.
"""

import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "fixtures"))
sys.dont_write_bytecode = True
from tokenizer import gpt2

tokenize, merges = sys.argv[1:]
encoding = gpt2(merges)
scalars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
rng = random.Random(60)


def run(text):
    result = subprocess.run([tokenize], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    back = subprocess.run([tokenize, "--decode"], input=result.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return list(map(int, result.stdout.split())), back.stdout == text.encode()


def differing(texts):
    """How many texts have other ids: all of them are tried in one run, and halved until each one is found that differs."""
    whole = "\n".join(texts)
    found, same_text = run(whole)
    if found == encoding.encode_ordinary(whole) and same_text:
        return 0
    if len(texts) == 1:
        print(f"  differs: {texts[0]!r}")
        return 1
    half = len(texts) // 2
    # Two halves can be the same and the whole not, if the line feed between them is what matters.
    return (differing(texts[:half]) + differing(texts[half:])) or 1


SENTENCES = """The quick fox can't wait, and she's 12.|Füchse müssen über den Zaun, nicht wahr?|L'été où j'ai rêvé d'un cœur
Где же лиса? Она здесь, в лесу.|Πού είναι η αλεπού; Είναι εδώ.|Աղվեսը վազում է անտառում:|ხოლო მელა ტყეში გარბის.
השועל רץ ביער, נכון?|الثعلب يجري في الغابة، أليس كذلك؟ ١٢٣|روباه در جنگل می‌دود؛ ۴۵۶
लोमड़ी जंगल में दौड़ती है। १२३|শিয়াল বনে দৌড়ায়। ১২৩|ਲੂੰਬੜੀ ਜੰਗਲ ਵਿੱਚ ਦੌੜਦੀ ਹੈ।|શિયાળ જંગલમાં દોડે છે.|நரி காட்டில் ஓடுகிறது.
నక్క అడవిలో పరుగెత్తుతుంది.|ನರಿ ಕಾಡಿನಲ್ಲಿ ಓಡುತ್ತದೆ.|കുറുക്കൻ കാട്ടിൽ ഓടുന്നു.|නරියා කැලේ දුවනවා.|หมาจิ้งจอกวิ่งในป่า ๑๒๓|ໝາຈອກແລ່ນຢູ່ໃນປ່າ
မြေခွေး တောထဲမှာ ပြေးတယ်။|កញ្ជ្រោងរត់ក្នុងព្រៃ។|ቀበሮ በጫካ ውስጥ ትሮጣለች።|狐狸在森林里跑,对吗?第3章。|きつねは森を走る。カタカナも。|여우가 숲속을 달린다. 그렇지?|ᏥᎳᎩ ᎠᏂᏴᏫ""".replace("\n", "|").split("|")
# A block of letters for each script, with its marks and digits.
BLOCKS = [
    (0x41, 0x17F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x58A), (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x74F),
    (0x900, 0x97F), (0x980, 0x9FE), (0xA01, 0xA76), (0xA81, 0xAFF), (0xB82, 0xBFA), (0xC00, 0xC7F), (0xD00, 0xD7F),
    (0xE01, 0xE5B), (0xE81, 0xEDF), (0xF00, 0xFDA), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF),
    (0x1200, 0x139F), (0x13A0, 0x13FD), (0x3041, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x10330, 0x1034A),
]  # fmt: skip
EMOJI = ["\U0001F98A", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F3F3\ufe0f\u200d\U0001F308", "\U0001F1E9\U0001F1EA",
         "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001F44D\U0001F3FD", "\U0001FAE8", "\U0001F3F4\U000E0067\U000E0062\U000E007F"]  # fmt: skip
RULE = list(" \t\r\n\u00a0\u3000\u2028\x85'’sdmtlvreLaZé0٣²Ⅷ½.,!?-_\u0301\u200d\ufeff") + ["'ll", "'ve", "'re", "  ", "\U0001F98A"]


def of_block(low, high):
    word = lambda: "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9)))
    return " ".join(word() + rng.choice(["", "", ",", ".", " 12", "'s", "\n"]) for _ in range(rng.randint(1, 12)))


def of_anything():
    parts = [rng.choice(RULE) if rng.random() < 0.7 else rng.choice(scalars) for _ in range(rng.randint(1, 30))]
    return "".join(parts)


groups = {
    "scalar values alone": scalars,
    "scalar values after a letter": ["a" + c for c in scalars],
    "scalar values after a space": [" " + c + "1" for c in scalars],
    "scalar values between numbers": ["1" + c + "2 " + c + "a" for c in scalars],
    "sentences": SENTENCES,
    "words of one script": [of_block(*block) for block in BLOCKS for _ in range(400)],
    "emoji": ["".join(rng.choice(EMOJI + [" ", "a"]) for _ in range(rng.randint(1, 8))) for _ in range(2000)],
    "random strings": [of_anything() for _ in range(100_000)],
    "long runs": [c * 100_000 for c in ["a", " ", "\n", ".", "1", "é", "ab", "\u4e00", "\U0001F98A"]],
}
failures = 0
for name, texts in groups.items():
    n = sum(differing([text]) for text in texts) if name == "long runs" else differing(texts)
    failures += n
    print(f"{name}: {len(texts)} texts, {n} different", flush=True)
print(f"{sum(map(len, groups.values()))} texts, {failures} different")
sys.exit(failures > 0)
