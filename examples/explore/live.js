// The live page: the model is in the page, and runs here, over whatever is typed. The page then shows the numbers of that
// forward pass instead of embedded ones.
"use strict";

/** What the command embedded: the model, its vocabulary, and the first prompt. src/lens/page_model.rs writes it. */
const model = JSON.parse(document.getElementById("data").textContent);
const encode = tokenizer(model.vocabulary, model.merges);

/** The numbers of a parameter: f16, or whole numbers times the scale of their row or column. */
function numbersOf({ shape, f16: halves, int8, row_scales, column_scales }) {
  if (halves) return f16(halves);
  const whole = new Int8Array(bytesOf(int8).buffer);
  const scales = f32(row_scales ?? column_scales);
  return Float32Array.from(whole, (q, i) => q * scales[row_scales ? Math.floor(i / shape[1]) : i % shape[1]]);
}

/** Every parameter by its name: matrices as lists of rows, as gpt2.js wants them. */
const parameters = { epsilon: model.layer_norm_epsilon };
for (const parameter of model.parameters) {
  const [numbers, [n, width]] = [numbersOf(parameter), parameter.shape];
  parameters[parameter.name] =
    width === undefined ? numbers : Array.from({ length: n }, (_, i) => numbers.subarray(i * width, (i + 1) * width));
}

/** A matrix as one list of numbers, which is what pictures are made of. */
function flat(rows) {
  const numbers = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, t) => numbers.set(row, t * row.length));
  return numbers;
}

/** The same data as src/lens/page_data.rs writes and embedded.js reads, computed here. */
function dataOf(ids, nBefore) {
  const seen = {};
  const last = gpt2(ids, parameters, model.n_head, (name, x) => (seen[name] = x));
  const numbers = (name) => flat(seen[name]);
  const heads = [...Array(model.n_head).keys()];
  const blocks = Array.from({ length: model.n_layer }, (_, i) => ({
    ln_1: numbers(`h.${i}.ln_1`), q: numbers(`h.${i}.attn.q`), k: numbers(`h.${i}.attn.k`), v: numbers(`h.${i}.attn.v`),
    scores: flat(heads.flatMap((h) => seen[`h.${i}.attn.${h}.scores`])), attn_out: numbers(`h.${i}.attn.out`),
    ln_2: numbers(`h.${i}.ln_2`), fc: numbers(`h.${i}.mlp.fc`), mlp_out: numbers(`h.${i}.mlp.out`),
  }));
  const answers = last.map((scores) => likeliest(scores, 1)[0]);
  /** What the head makes of a row: [rank of the answer, id, probability, id, probability, ...]. */
  const reading = (scores, t) => {
    const probabilities = softmax(scores);
    const answer = answers[t];
    let rank = 0; // how many come before it; of equals, the smaller id
    for (let id = 0; id < scores.length; id++) {
      if (scores[id] > scores[answer] || (scores[id] === scores[answer] && id < answer)) rank++;
    }
    return [rank, ...likeliest(scores, 5).flatMap((id) => [id, probabilities[id]])];
  };
  const streams = ["embd", ...blocks.map((_, i) => `h.${i}.out`)].map((name) => seen[name]);
  const lens = streams.map((stream, i) => (i < model.n_layer ? logits(stream, parameters) : last).map(reading));
  return {
    ...model, n_before: nBefore, ids, wte: numbers("wte"), wpe: numbers("wpe"), blocks, streams: streams.map(flat), lens,
    probability_of_next: ids.slice(1).map((id, t) => softmax(last[t])[id]), logits: last.at(-1),
  };
}

// ---- Typing ----

const [input, said] = ["prompt", "said"].map((id) => document.getElementById(id));

/** Runs the model over what is typed, and shows it. No text is the beginning of one, which has a token of its own. */
function run() {
  const all = input.value === "" ? [model.end_of_text] : encode(input.value);
  const ids = all.slice(-model.most_tokens);
  const start = performance.now();
  const data = dataOf(ids, all.length - ids.length);
  const time = Math.round(performance.now() - start);
  showPage(data);
  const words = [`${ids.length} ${ids.length === 1 ? "token" : "tokens"}, computed here in ${time} ms.`];
  if (input.value === "") words.unshift("No text yet: the model reads the sign that stands before a text.");
  if (data.n_before > 0) words.push(`The first ${data.n_before} are left out.`);
  said.textContent = words.join(" ");
}

let waiting;
input.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(run, 150); // once the fingers rest, not at every key
});

for (const part of document.querySelectorAll(".live")) part.hidden = false;
for (const part of document.querySelectorAll(".still")) part.hidden = true;
input.value = model.prompt;
run();
