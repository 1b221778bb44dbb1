// A chapter's links and pictures are written for docs/. In the documentation, this leads them to where the same things are.
// `files` is the address of docs/ on the machine where the documentation was made.
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
    link.href = files + place;
  }
}
for (const picture of document.querySelectorAll(".docblock img")) {
  const place = picture.getAttribute("src");
  if (place.startsWith("img/")) picture.src = files + place;
}
