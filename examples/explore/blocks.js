// The blocks, and the residual stream that runs through them.
"use strict";

/** One token's row of a list of nSeq rows. */
function rowOf(values, t) {
  const columns = values.length / nSeq;
  return values.slice(t * columns, (t + 1) * columns);
}

function buildBlocks() {
  data.blocks.forEach((block, i) => {
    const details = document.getElementById(`part-block-${i}`) ?? newBlock(i);
    fillWhenOpened(details, () => fillBlock(details.querySelector(".steps"), block, i));
  });
}

/** A block's part of the page, still empty. */
function newBlock(i) {
  const summary = element("summary", {}, element("h2", {}, `Block ${i}`),
    element("span", { class: "gist" }, "tokens look at each other, then each thinks alone"));
  const details = element("details", { class: i === 0 ? "part" : "part later", id: `part-block-${i}` }, summary,
    element("p", { class: "where" }, "Chapters 4 to 6 · ", element("code", {}, "src/layers/block.rs")),
    element("div", { class: "steps" }));
  details.open = i === 0;
  document.getElementById("blocks").append(details);
  return details;
}

/** A step of a block: its heading, a sentence, the chapter and the file, and its pictures. */
function step(title, words, chapter, file, ...pictures) {
  const where = element("p", { class: "where" }, `Chapter ${chapter} · `, element("code", {}, file));
  return element("div", { class: "step" }, element("h3", {}, title), where, element("p", {}, words), ...pictures);
}

function figures(kind, ...strips) {
  return element("div", { class: `figures ${kind}` }, ...strips);
}

function fillBlock(steps, block, i) {
  const middle = sumOf(data.streams[i], block.attn_out);
  const attention = buildAttention(block, i);
  const [act, bend] = data.activation ? [block.act, data.activation] : [block.fc.map(gelu), "GELU"];
  const count = element("p", { class: "readout" });
  onChoice((t) => {
    const row = rowOf(act, t);
    const n = row.filter((x) => x > 0.1).length;
    count.textContent = `For ${quoted(data.ids[t])}, ${n} of ${row.length} numbers are above 0.1 after ${bend}.`;
  });
  steps.replaceChildren(
    step("Layer norm", "Every row is shifted and stretched to the same range.", "4, Basic layers", "src/layers/layer_norm.rs",
      figures("three", strip("the stream", data.streams[i]), strip("after ln_1", block.ln_1))),
    step("Queries, keys, values", "Each token asks (q), offers (k) and holds something ready (v). " +
      (data.n_head > 1 ? `Each head owns ${headSize} of the columns; the frame shows the chosen head's.` : "There is one head."),
    "5, Attention", "src/layers/attention.rs", attention.qkv),
    step("Attention", "Where a query fits a key, the token looks there. Rows are tokens that look, columns are where to.",
      "5, Attention", "src/layers/attention.rs", attention.heads, attention.full),
    step("What attention adds", "The values that were looked at, mixed by c_proj, are added to the stream.",
      "5, Attention", "src/layers/attention.rs",
      figures("three", strip("attention adds", block.attn_out), strip("the stream after it", middle))),
    step("Layer norm, and the MLP", `Each token alone: ${data.n_embd} numbers become ${data.n_inner}, and ${bend} lets the ` +
      "positive ones through.", "6, MLP and block", "src/layers/mlp.rs",
    figures("", strip("after ln_2", block.ln_2), strip(`c_fc, before ${bend}`, block.fc), strip(`after ${bend}`, act)), count),
    step("What the MLP adds", "Narrowed by c_proj, and added again. This is what the next part reads.",
      "6, MLP and block", "src/layers/mlp.rs",
      figures("three", strip("the MLP adds", block.mlp_out), strip("the stream after the block", data.streams[i + 1]))),
  );
}

const STAGES = {
  scores: ["scores", () => "q·kᵀ: how well each query fits each key. Nothing is hidden yet."],
  scaled: ["scaled", () => `Divided by √${headSize}, the root of the head's size, so that softmax stays gentle.`],
  masked: ["masked", () => "No token may look ahead: what comes later is removed."],
  softmax: ["softmax", () => "Each row becomes probabilities, which add up to 1. The colour follows their root, so that small ones show."],
};

/** Which head and which stage each block shows: they stay when the numbers change. */
const viewOfBlock = [];

/** The attention of one block: q, k, v; a small picture of each head; the chosen head in full. */
function buildAttention(block, i) {
  const scoresOf = (head) => block.scores.subarray(head * nSeq * nSeq, (head + 1) * nSeq * nSeq);
  const weightsOf = Array.from({ length: data.n_head }, (_, head) => attentionStage(scoresOf(head), nSeq, headSize, "softmax"));
  const view = (viewOfBlock[i] ??= { head: 0, stage: "softmax" });

  // What cannot be seen by a token is no weak weight, it is none: it has a colour of its own. Of the others the root is
  // drawn: many weights are a few hundredths, and would be next to invisible.
  const tints = (weights) => weights.map((w, i) => (i % nSeq > Math.floor(i / nSeq) ? -Infinity : Math.sqrt(w)));

  const frames = [];
  const qkv = figures("three", ...["q", "k", "v"].map((name) => {
    const figure = strip({ q: "q, the queries", k: "k, the keys", v: "v, the values" }[name], block[name]);
    const frame = element("div", { class: "head-frame" });
    frames.push(frame);
    if (data.n_head > 1) figure.querySelector(".paper").append(frame);
    return figure;
  }));

  const heads = element("div", { class: "heads", role: "group", "aria-label": "Heads" });
  const buttons = weightsOf.map((weights, h) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const draw = () => paint(canvas, tints(weights), nSeq, 1);
    whenColoursChange.push(draw);
    draw();
    const button = element("button", { type: "button", class: "head" }, canvas, `head ${h}`);
    button.addEventListener("click", () => { view.head = h; show(); });
    heads.append(button);
    return button;
  });

  const stages = element("div", { class: "stages", role: "group", "aria-label": "Stages of attention" });
  const stageButtons = Object.entries(STAGES).map(([name, [words]]) => {
    const button = element("button", { type: "button" }, words);
    button.dataset.stage = name;
    button.addEventListener("click", () => { view.stage = name; show(); });
    stages.append(button);
    return button;
  });
  const formula = element("p", { class: "small" });

  const canvas = element("canvas", { role: "img" });
  const columns = element("div", { class: "columns", "aria-hidden": "true" });
  columns.style.gridTemplateColumns = `repeat(${nSeq}, minmax(0, 1fr))`;
  const columnNames = data.ids.map((id) => element("div", {}, face(id)));
  columns.append(...columnNames);
  columns.hidden = nSeq > 40; // too thin for letters
  onChoice((t) => columnNames.forEach((name, i) => name.classList.toggle("chosen", i === t)));
  const map = element("div", { class: "map" }, element("div", { class: "body" }, namesOf(nSeq > 40 ? 7 : 300 / nSeq),
    element("div", { class: "paper" }, canvas, rowFrame()), columns));
  map.style.maxWidth = `${6 + 3 * nSeq}rem`; // a few tokens need no large picture

  const words = element("p", { class: "readout" });
  const chips = data.ids.map((_, t) => {
    const chip = tokenButton(t, element("small"));
    chip.addEventListener("pointerenter", () => look(t));
    chip.addEventListener("pointerleave", () => look(chosen));
    chip.addEventListener("focus", () => look(t));
    chip.addEventListener("blur", () => look(chosen));
    return chip;
  });
  const looks = element("div", { class: "looks" }, ...chips.flatMap((chip) => [chip, " "]));

  let values = [];
  /** Shows where token t looks. */
  function look(t) {
    const row = weightsOf[view.head].subarray(t * nSeq, (t + 1) * nSeq);
    const order = orderOf(row.subarray(0, t + 1)).slice(0, 3);
    words.textContent = `Head ${view.head}: ${quoted(data.ids[t])} looks at ` +
      order.map((j) => `${j === t ? "itself" : quoted(data.ids[j])} (${percent(row[j])})`).join(", ") + ".";
    chips.forEach((chip, j) => {
      chip.classList.toggle("asks", j === t);
      chip.classList.toggle("unseen", j > t);
      chip.lastChild.textContent = j > t ? "" : roughPercent(row[j]);
      shade(chip, j > t ? 0 : Math.sqrt(row[j]));
    });
  }
  /** Draws the chosen head at the chosen stage. */
  function drawMap() {
    values = attentionStage(scoresOf(view.head), nSeq, headSize, view.stage);
    if (view.stage === "softmax") paint(canvas, tints(values), nSeq, 1);
    else paint(canvas, values, nSeq, scaleOf(values));
  }
  function show() {
    buttons.forEach((button, h) => button.setAttribute("aria-pressed", h === view.head));
    stageButtons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.stage === view.stage));
    formula.textContent = STAGES[view.stage][1]();
    canvas.setAttribute("aria-label", `Head ${view.head}, ${view.stage}: ${nSeq} rows and columns`);
    for (const frame of frames) {
      frame.style.left = `${(100 * view.head) / data.n_head}%`;
      frame.style.width = `${100 / data.n_head}%`;
    }
    drawMap();
    look(chosen);
  }
  whenColoursChange.push(drawMap);
  hintOn(canvas, nSeq, nSeq, (column, row) => {
    const value = values[row * nSeq + column];
    const isMasked = column > row && (view.stage === "masked" || view.stage === "softmax");
    const said = isMasked ? "masked" : view.stage === "softmax" ? percent(value) : threeDigits(value);
    return `${quoted(data.ids[row])} → ${quoted(data.ids[column])}: ${said}`;
  });
  const rowUnder = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.max(0, Math.min(nSeq - 1, Math.floor(((event.clientY - box.top) / box.height) * nSeq)));
  };
  canvas.addEventListener("pointermove", (event) => look(rowUnder(event)));
  canvas.addEventListener("pointerleave", () => look(chosen));
  canvas.addEventListener("click", (event) => choose(rowUnder(event)));
  show();
  onChoice(look);

  const side = element("div", {}, element("h3", {}, "Where the chosen token looks"), looks, words,
    element("p", { class: "small" }, "Point at a token, or go to it with the tab key, to see where that one looks."));
  const full = element("div", {}, stages, formula, element("div", { class: "full" }, map, side));
  return { qkv, heads, full };
}

/** How long the vectors are that each part adds to the stream of the chosen token. */
function buildStream() {
  fillWhenOpened(document.getElementById("part-stream"), () => {
    const parts = [["embedding", data.streams[0], "other"]];
    data.blocks.forEach((block, i) => {
      parts.push([`block ${i} attention`, block.attn_out, "attention"]);
      parts.push([`block ${i} MLP`, block.mlp_out, "mlp"]);
    });
    parts.push(["the stream at the end", data.streams[data.n_layer], "other"]);
    const chart = document.getElementById("stream");
    chart.replaceChildren();
    const rows = parts.map(([name, values, kind]) => {
      const [value, bar] = [element("span", { class: "value" }), element("div", { class: `bar ${kind}` })];
      chart.append(element("span", {}, name), value, bar);
      return { values, value, bar };
    });
    onChoice((t) => {
      const lengths = rows.map(({ values }) => lengthOf(rowOf(values, t)));
      const longest = Math.max(...lengths) || 1;
      rows.forEach(({ value, bar }, i) => {
        value.textContent = lengths[i].toPrecision(3);
        bar.style.width = `${(100 * lengths[i]) / longest}%`;
      });
    });
  });
}
