"""Follows the links of the book that `cargo test` cannot follow. Run by hand:

    pip install playwright                     (and a chromium: the system's, or `playwright install chromium`)
    cargo doc --no-deps
    python3 tests/book_links.py target/doc

1. In `cargo doc`: a browser opens every page of the book from the disk. Each link must lead to a file of the documentation,
   each anchor to an element of that page, each picture must be shown, and the console stays empty. So the pages need nothing
   but each other.
2. On the web: each address in README.md and docs/ must answer. (`--offline` leaves this out.)

What cannot be checked (no playwright, no browser, no network) is said aloud.
"""

import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

root = Path(__file__).resolve().parent.parent
arguments = [argument for argument in sys.argv[1:] if argument != "--offline"]
doc = Path(arguments[0] if arguments else root / "target/doc").resolve()
problems = []


def ids_of(page, seen={}):
    """The anchors of a page on the disk."""
    if page not in seen:
        seen[page] = set(re.findall(r'id="([^"]+)"', page.read_text(encoding="utf-8")))
    return seen[page]


def follow_documentation():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("SKIPPED: the links of `cargo doc`, because playwright is not installed (pip install playwright)")
        return
    pages = sorted(doc.glob("gpt60/book/*/index.html"))
    if not pages:
        sys.exit(f"error: there is no book in {doc}: run `cargo doc --no-deps` first")
    n_links = n_pictures = 0
    with sync_playwright() as browsers:
        options = {"args": ["--no-sandbox", "--allow-file-access-from-files"]}
        if program := shutil.which("chromium"):
            options["executable_path"] = program
        try:
            browser = browsers.chromium.launch(**options)
        except Exception as error:
            print(f"SKIPPED: the links of `cargo doc`, because no browser starts: {str(error).splitlines()[0]}")
            return
        tab = browser.new_page()
        name = ""
        tab.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
        for page in pages:
            name = page.parent.name
            tab.goto(page.as_uri(), wait_until="load")
            for address in tab.eval_on_selector_all(".docblock a[href]", "links => links.map(link => link.href)"):
                parts = urllib.parse.urlsplit(address)
                if parts.scheme != "file":
                    continue
                n_links += 1
                file = Path(urllib.request.url2pathname(parts.path))
                if not file.exists():
                    problems.append(f"{name}: {address} leads nowhere")
                elif not file.resolve().is_relative_to(doc):
                    problems.append(f"{name}: {address} leads out of the documentation")
                elif parts.fragment and urllib.parse.unquote(parts.fragment) not in ids_of(file):
                    problems.append(f"{name}: {address}: the page has no such place")
            pictures = tab.evaluate(
                """async () => {
                    const all = [...document.querySelectorAll(".docblock img")];
                    await Promise.all(all.map(picture => picture.decode().catch(() => {})));
                    return all.map(picture => [picture.src, picture.naturalWidth]);
                }"""
            )
            n_pictures += len(pictures)
            problems.extend(f"{name}: {address} is not shown" for address, width in pictures if width == 0)
        browser.close()
    print(f"cargo doc: {len(pages)} pages, {n_links} links, {n_pictures} pictures")


def follow_the_web():
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    addresses = {}
    for page in pages:
        for address in re.findall(r"https?://[^\s)>\"'`]+", page.read_text(encoding="utf-8")):
            addresses.setdefault(address.rstrip(".,;:"), page.name)
    n_answers = 0
    for address, page in sorted(addresses.items()):
        request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (the links of a book)"})
        try:
            urllib.request.urlopen(request, timeout=20).close()
            n_answers += 1
        except urllib.error.HTTPError as error:
            problems.append(f"{page}: {address} answers {error.code}")
        except OSError as error:
            print(f"SKIPPED: {address} ({page}), because nothing answers: {error}")
    print(f"the web: {n_answers} of {len(addresses)} addresses answer")


follow_documentation()
if "--offline" not in sys.argv:
    follow_the_web()
for problem in problems:
    print(f"!! {problem}")
sys.exit(1 if problems else 0)
