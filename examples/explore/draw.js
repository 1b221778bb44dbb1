// Drawing: small pieces that every part of the page uses. Elements, the faces of tokens, colours, heat maps, the hint at the
// pointer. No part of the page is known here.
"use strict";

/** What the page shows: the numbers of one forward pass. How they come here, embedded.js and live.js know. */
let data = null;
let nSeq = 0;
let headSize = 0;

/** From here on the page shows other numbers: nothing that was drawn before wants to hear of a choice any more. */
function take(newData) {
  const wasLast = chosen === nSeq - 1;
  data = newData;
  nSeq = data.ids.length;
  headSize = data.n_embd / data.n_head;
  chosen = wasLast ? nSeq - 1 : Math.min(chosen, nSeq - 1);
  whenChosen = [];
  whenColoursChange = [];
}

/** A new element: element("div", {class: "card"}, "text", otherElement). Text is never read as HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A probability in words: "34 %", "0.12 %", and no zero for what is only small. */
function percent(p) {
  if (p === 0) return "0 %";
  if (p >= 0.0995) return `${Math.round(100 * p)} %`;
  if (p >= 0.00995) return `${(100 * p).toFixed(1)} %`;
  return p >= 0.00005 ? `${(100 * p).toFixed(2)} %` : "< 0.01 %";
}

/** The same for narrow places. */
function roughPercent(p) {
  return p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`;
}

/** A number with three digits, as many as an f16 has. */
function threeDigits(x) {
  return x === 0 ? "0" : String(Number(x.toPrecision(3)));
}

// ---- Tokens ----

const SIGNS = { "\n": "↵", "\r": "␍", "\t": "⇥" };

/** A token's pieces: {text}, {space}, {byte}. A token without text shows its id. */
function piecesOf(id) {
  const token = data.vocabulary === null ? undefined : data.vocabulary[id];
  if (token === undefined || token === null) return [{ text: `#${id}` }];
  if (Array.isArray(token)) return token.map((byte) => ({ byte: byte.toString(16).toUpperCase().padStart(2, "0") }));
  if (token === "") return [{ text: "(empty)" }];
  return Array.from(token, (c) => {
    if (c === " ") return { space: "·" };
    if (SIGNS[c]) return { space: SIGNS[c] };
    // What cannot be seen, or would turn the direction of the line, shows as its number.
    if (/[\p{C}\p{Z}]/u.test(c)) return { byte: `U+${c.codePointAt(0).toString(16).toUpperCase()}` };
    return { text: c };
  });
}

/** A token as one line of plain text. */
function textOf(id) {
  return piecesOf(id).map((piece) => piece.text ?? piece.space ?? `[${piece.byte}]`).join("");
}

/** A token in quotation marks, for sentences. */
function quoted(id) {
  return `“${textOf(id)}”`;
}

/** A token as elements: its spaces and its bytes look different from its letters. */
function face(id) {
  const all = document.createDocumentFragment();
  for (const piece of piecesOf(id)) {
    if (piece.text !== undefined) all.append(piece.text);
    else if (piece.space !== undefined) all.append(element("span", { class: "space" }, piece.space));
    else all.append(element("span", { class: "byte" }, piece.byte));
  }
  return all;
}

// ---- Which token is chosen ----

let chosen = -1; // of no tokens, the last
let whenChosen = [];

/** Calls `show` with the chosen token, now and whenever another one is chosen. */
function onChoice(show) {
  whenChosen.push(show);
  show(chosen);
}

function choose(t) {
  chosen = Math.max(0, Math.min(nSeq - 1, t));
  for (const show of whenChosen) show(chosen);
}

// ---- Colours ----

/** The colours of style.css, as [red, green, blue]; read again when day becomes night. */
let colours = {};
let whenColoursChange = [];

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["low", "zero", "high", "masked"]) {
    const hex = style.getPropertyValue(`--${name}`).trim().slice(1);
    colours[name] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
  for (const draw of whenColoursChange) draw();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);

/** The colour of a number from -1 to 1: low, zero or high, or between. */
function colourOf(x) {
  if (x === -Infinity) return colours.masked;
  const end = x < 0 ? colours.low : colours.high;
  const share = Math.min(1, Math.abs(x));
  return colours.zero.map((from, i) => from + (end[i] - from) * share);
}

/** A background that is the deeper the larger `share` is, with letters that can be read on it. */
function shade(target, share, colour = "accent") {
  const depth = Math.round(100 * Math.max(0, Math.min(1, share)));
  target.style.background = `color-mix(in srgb, var(--${colour}) ${depth}%, var(--card))`;
  // By day the letters become light only on the deepest colours; by night they become dark earlier.
  target.style.color = `var(--${depth > 82 ? "on-accent" : depth > 60 ? "on-middle" : "ink"})`;
}

/** Draws numbers into a canvas, one point for each: rows * columns of them. What is `scale` gets the full colour. */
function paint(canvas, values, columns, scale) {
  canvas.width = columns;
  canvas.height = values.length / columns;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i++) {
    const [r, g, b] = colourOf(values[i] === -Infinity ? -Infinity : values[i] / scale);
    image.data[4 * i] = r;
    image.data[4 * i + 1] = g;
    image.data[4 * i + 2] = b;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** How large nearly all numbers are at most: one in a hundred may be larger. It gets the full colour. */
function scaleOf(values) {
  const sizes = Float64Array.from(values, Math.abs).filter((size) => size < Infinity).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
}

// ---- The hint at the pointer ----

const tip = document.getElementById("tip");

/** Shows at the pointer what `textAt(column, row)` says of the place under it: a picture of rows * columns. */
function hintOn(canvas, rows, columns, textAt) {
  const move = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return;
    tip.textContent = textAt(column, row);
    tip.hidden = false;
    const left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
    const top = event.clientY + 18 + tip.offsetHeight < innerHeight ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${top}px`;
  };
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerdown", move);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
}
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// ---- Heat maps ----

/** The tokens' names at the left of a picture, each as high as its row. */
function namesOf(rowHeight) {
  // Rows too thin for letters name only the chosen token.
  const names = element("div", { class: rowHeight < 8 ? "thin" : "" });
  const rows = data.ids.map((id, t) => {
    const row = element("div", {}, face(id));
    row.addEventListener("click", () => choose(t));
    names.append(row);
    return row;
  });
  names.style.fontSize = `${rowHeight < 8 ? 10.5 : Math.min(10.5, rowHeight)}px`;
  onChoice((t) => rows.forEach((row, i) => row.classList.toggle("chosen", i === t)));
  return element("div", { class: "names", "aria-hidden": "true" }, names);
}

/** A frame around the row of the chosen token. */
function rowFrame() {
  const frame = element("div", { class: "frame" });
  onChoice((t) => {
    frame.style.top = `calc(${(100 * t) / nSeq}% - 2px)`;
    frame.style.height = `calc(${100 / nSeq}% + 4px)`;
  });
  return frame;
}

/** The words and colours that say which number has which colour. */
function scaleLegend(scale) {
  const bar = element("i");
  bar.style.background = "linear-gradient(to right, var(--low), var(--zero), var(--high))";
  return element("span", { class: "scale" }, `−${threeDigits(scale)}`, bar, threeDigits(scale));
}

/** A picture of nSeq rows, one for each token: a title, the tokens' names, a colour for each number. */
function strip(title, values) {
  const columns = values.length / nSeq;
  const scale = scaleOf(values);
  const rowHeight = Math.max(6, Math.min(16, Math.round(230 / nSeq)));
  const label = `${title}: ${nSeq} rows of ${columns} numbers`;
  const canvas = element("canvas", { role: "img", "aria-label": label });
  const paper = element("div", { class: "paper" }, canvas, rowFrame());
  paper.style.height = `${rowHeight * nSeq}px`;
  const draw = () => paint(canvas, values, columns, scale);
  whenColoursChange.push(draw);
  draw();
  hintOn(canvas, nSeq, columns, (column, t) =>
    `${quoted(data.ids[t])}, number ${column}: ${threeDigits(values[t * columns + column])}`);
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    choose(Math.floor(((event.clientY - box.top) / box.height) * nSeq));
  });
  const caption = element("figcaption", {}, element("span", {}, title), scaleLegend(scale));
  return element("figure", { class: "map" }, caption, element("div", { class: "body" }, namesOf(rowHeight), paper));
}

/** One token as a button. */
function tokenButton(t, ...more) {
  const button = element("button", { type: "button", class: "token" }, face(data.ids[t]), ...more);
  button.addEventListener("click", () => choose(t));
  return button;
}

/** Calls `fill` once, when a folded part is opened for the first time: what nobody looks at is not drawn. */
function fillWhenOpened(details, fill) {
  let filled = false;
  const look = () => {
    if (details.open && !filled) {
      filled = true;
      fill();
    }
  };
  details.ontoggle = look; // instead of the one for the numbers before
  look();
}
