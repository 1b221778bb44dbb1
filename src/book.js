// A chapter's links and pictures are written for docs/. In the documentation the same things have other places, all of them
// relative to this page; this leads each link and each picture there.
for (const link of document.querySelectorAll(".docblock a[href]")) {
  const [place, part] = link.getAttribute("href").split("#");
  const chapter = place.match(/^(?:(\d\d)-)?([\w-]+)\.md$/);
  const source = place.match(/^\.\.\/src\/((?!exercises\/).+\.rs)$/); // the exercises are no part of the library
  const anchor = part ? "#" + part : "";
  if (chapter) {
    const name = (chapter[1] ? `ch${chapter[1]}_` : "") + chapter[2].replaceAll("-", "_");
    link.href = `../${name}/index.html${anchor}`;
  } else if (source) {
    link.href = `../../../src/gpt60/${source[1]}.html`;
  } else if (place.startsWith("../")) {
    // No page shows this file. The words stay, and the file's name goes with them if they do not say it.
    const file = place.slice("../".length);
    const words = document.createElement("span");
    words.title = file;
    words.append(...link.childNodes);
    if (!file.includes(words.textContent.replace(/\/$/, ""))) {
      const name = document.createElement("code");
      name.textContent = file;
      words.append(" (", name, ")");
    }
    link.replaceWith(words);
  }
}
for (const picture of document.querySelectorAll(".docblock img")) {
  const data = document.querySelector(`script[data-place="${picture.getAttribute("src")}"]`);
  if (data) picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(data.textContent.trim());
}
