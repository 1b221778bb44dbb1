// The last parts: the logit lens, surprise, and the next token.
"use strict";

/** A reading of the lens, out of its flat list. */
function readingOf(layer, t) {
  const [rank, ...rest] = data.lens[layer][t];
  const guesses = [];
  for (let i = 0; i < rest.length; i += 2) guesses.push({ id: rest[i], probability: rest[i + 1] });
  return { rank, guesses };
}

function layerName(layer) {
  return layer === 0 ? "embedding" : `block ${layer - 1}`;
}

/** A guess as a cell of a table: the surer, the deeper its colour. */
function guessCell({ id, probability }, ...more) {
  const cell = element("td", { title: `${textOf(id)}: ${percent(probability)}` }, face(id), ...more);
  shade(cell, probability);
  return cell;
}

function buildLens() {
  const heads = data.ids.map((id) => element("th", { scope: "col" }, face(id)));
  const table = element("table", {}, element("thead", {}, element("tr", {}, element("th", {}, "after"), ...heads)));
  const cells = data.ids.map(() => []);
  data.lens.forEach((row, layer) => {
    const line = element("tr", {}, element("th", { scope: "row" }, layerName(layer)));
    row.forEach((_, t) => {
      const cell = guessCell(readingOf(layer, t).guesses[0]);
      cell.addEventListener("click", () => choose(t));
      cells[t].push(cell);
      line.append(cell);
    });
    table.append(line);
  });
  const scroll = document.getElementById("lens-table");
  scroll.replaceChildren(table);

  onChoice((t) => {
    heads.forEach((head, i) => head.classList.toggle("chosen", i === t));
    cells.forEach((column, i) => column.forEach((cell) => cell.classList.toggle("chosen", i === t)));
    scroll.scrollLeft = cells[t][0].offsetLeft - scroll.clientWidth / 2;
    const answer = readingOf(data.n_layer, t).guesses[0];
    document.getElementById("lens-title").textContent =
      `After ${quoted(data.ids[t])} the model says ${quoted(answer.id)} (${percent(answer.probability)}). The answer's rank, and the best guesses, after each layer:`;
    const names = ["after", "rank", "best guesses"].map((name) => element("th", { scope: "col" }, name));
    names[2].colSpan = readingOf(0, t).guesses.length;
    const details = element("table", {}, element("thead", {}, element("tr", {}, ...names)));
    data.lens.forEach((_, layer) => {
      const { rank, guesses } = readingOf(layer, t);
      const guess = (g) => guessCell(g, element("small", {}, ` ${percent(g.probability)}`));
      details.append(element("tr", {}, element("th", { scope: "row" }, layerName(layer)),
        element("td", { class: "rank" }, String(rank + 1)), ...guesses.map(guess)));
    });
    document.getElementById("lens-details").replaceChildren(details);
  });
}

function buildSurprise() {
  const expected = document.getElementById("expected");
  /** Says what the model thought of token t before it saw it. */
  const tell = (t) => {
    if (t === 0) {
      expected.textContent = `${quoted(data.ids[0])} is the first token: nothing stood before it to guess from.`;
      return;
    }
    const p = data.probability_of_next[t - 1];
    const guesses = readingOf(data.n_layer, t - 1).guesses.slice(0, 3);
    const nats = p > 0 ? ` (a surprise of ${(-Math.log(p)).toFixed(2)} nats)` : "";
    expected.textContent = `${quoted(data.ids[t])} had ${percent(p)}${nats}. Expected: ` +
      guesses.map(({ id, probability }) => `${quoted(id)} ${percent(probability)}`).join(", ") + ".";
  };
  const chips = data.ids.map((_, t) => {
    const p = t === 0 ? 1 : data.probability_of_next[t - 1];
    const chip = tokenButton(t, element("small", {}, t === 0 ? "" : roughPercent(p)));
    shade(chip, t === 0 ? 0 : Math.min(1, -Math.log(Math.max(p, 1e-9)) / 8) * 0.9, "bad");
    chip.addEventListener("pointerenter", () => tell(t));
    chip.addEventListener("pointerleave", () => tell(chosen));
    chip.addEventListener("focus", () => tell(t));
    return chip;
  });
  document.getElementById("surprise").replaceChildren(...chips.flatMap((chip) => [chip, " "]));
  document.getElementById("surprise").classList.add("surprise");
  onChoice((t) => {
    chips.forEach((chip, i) => chip.classList.toggle("chosen", i === t));
    tell(t);
  });
}

const N_BARS = 12;

function buildNext() {
  const { logits } = data;
  const order = orderOf(logits);
  const inputs = ["temperature", "top-k", "top-p"].map((id) => document.getElementById(id));
  inputs[1].max = String(Math.min(100, logits.length));
  const values = inputs.map((input) => document.getElementById(`${input.id}-value`));
  const chart = document.getElementById("next");
  const drawn = document.getElementById("drawn");
  const shown = order.slice(0, N_BARS);
  let probabilities = new Float64Array(0);
  let last = null;

  function show() {
    const [temperature, topK, topP] = inputs.map((input) => Math.fround(Number(input.value)));
    values[0].textContent = temperature === 0 ? "0, greedy" : temperature.toFixed(2);
    values[1].textContent = topK === 0 ? "off" : String(topK);
    values[2].textContent = topP === 1 ? "off" : topP.toFixed(2);
    probabilities = probabilitiesAfterKnobs(logits, order, temperature, topK, topP);
    const n = probabilities.filter((p) => p > 0).length;
    // The entropy: how many yes-or-no questions it takes to find out which token it is.
    const bits = probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log2(p) : 0), 0);
    document.getElementById("left").textContent =
      `${n} of ${logits.length} tokens can be drawn; the uncertainty is ${Math.abs(bits).toFixed(2)} bits.`;
    const ids = last === null || shown.includes(last) ? shown : [...shown, last];
    const longest = Math.max(...ids.map((id) => probabilities[id])) || 1;
    chart.replaceChildren();
    let others = 1;
    for (const id of ids) {
      const p = probabilities[id];
      others -= p;
      const bar = element("div", { class: p > 0 ? "bar" : "bar none" });
      bar.style.width = `${(100 * p) / longest}%`;
      const label = element("span", { class: id === last ? "label drawn" : "label" }, face(id));
      if (p === 0) label.classList.add("removed");
      bar.dataset.id = id;
      bar.dataset.probability = p;
      chart.append(label, element("span", { class: "value" }, p === 0 ? "removed" : percent(p)), bar);
    }
    if (logits.length > ids.length) {
      chart.append(element("span", {}, `${logits.length - ids.length} others`),
        element("span", { class: "value" }, percent(others > 1e-9 ? others : 0)), element("div"));
    }
  }
  for (const input of inputs) input.oninput = show;
  document.getElementById("draw").onclick = () => {
    last = drawFrom(probabilities);
    const chip = element("span", { class: "token" }, face(last));
    drawn.prepend(chip, " ");
    while (drawn.children.length > 12) drawn.lastElementChild.remove();
    show();
  };
  document.getElementById("reset").onclick = () => {
    [inputs[0].value, inputs[1].value, inputs[2].value] = ["1", "0", "1"];
    last = null;
    drawn.replaceChildren();
    show();
  };
  drawn.replaceChildren();
  show();
}
