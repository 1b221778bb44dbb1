// The arithmetic of the page: numbers out of letters, and what the model's own source does with them (softmax.rs, gelu.rs,
// knobs.rs), once more in JavaScript. Nothing here draws.
"use strict";

/** The bytes of a base64 text. */
function bytesOf(letters) {
  const text = atob(letters);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The value of an f16: sign, 5 bits of exponent, 10 bits of fraction. */
function valueOfF16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  return sign * (exponent === 0 ? 2 ** -14 * fraction : 2 ** (exponent - 15) * (1 + fraction));
}

/** There are only 65536 of them: each is worked out once. */
const VALUES_OF_F16 = Float32Array.from({ length: 65536 }, (_, bits) => valueOfF16(bits));

/** A base64 text of f16 numbers, as a Float32Array. */
function f16(letters) {
  const bytes = bytesOf(letters);
  const numbers = new Float32Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = VALUES_OF_F16[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
  return numbers;
}

/** A base64 text of f32 numbers, as a Float32Array. */
function f32(letters) {
  const bytes = bytesOf(letters);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** The bytes of a token of the vocabulary, which stands there as a text or, if it is none, as bytes. */
function bytesOfToken(token) {
  return Array.isArray(token) ? token : Array.from(new TextEncoder().encode(token));
}

/** The sum of two lists, number by number. */
function sumOf(a, b) {
  return a.map((x, i) => x + b[i]);
}

/** The length of a vector: the root of the sum of its squares. */
function lengthOf(vector) {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

/** Softmax of a list; a score of -Infinity becomes the probability 0. */
function softmax(scores) {
  let largest = -Infinity;
  for (const score of scores) largest = Math.max(largest, score);
  const powers = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    powers[i] = Math.exp(scores[i] - largest);
    sum += powers[i];
  }
  return powers.map((power) => power / sum);
}

/** GELU, as GPT-2 has it. */
function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}

/** A head's n*n scores, at one of the four stages on the way to attention weights. */
function attentionStage(scores, n, headSize, stage) {
  if (stage === "scores") return scores;
  const scaled = scores.map((score) => score / Math.sqrt(headSize));
  if (stage === "scaled") return scaled;
  // No token may look ahead: in row t, what stands right of column t is removed.
  const masked = scaled.map((score, i) => (i % n > Math.floor(i / n) ? -Infinity : score));
  if (stage === "masked") return masked;
  const weights = new Float64Array(n * n);
  for (let t = 0; t < n; t++) weights.set(softmax(masked.subarray(t * n, (t + 1) * n)), t * n);
  return weights;
}

/** The ids of the n highest scores, the best first; of equals, the smaller id. */
function likeliest(scores, n) {
  const ids = [];
  while (ids.length < Math.min(n, scores.length)) {
    let best = -1;
    for (let id = 0; id < scores.length; id++) {
      if ((best < 0 || scores[id] > scores[best]) && !ids.includes(id)) best = id;
    }
    ids.push(best);
  }
  return ids;
}

/** The ids from the highest score to the lowest; of equals, the smaller id first. */
function orderOf(scores) {
  return Array.from(scores, (_, id) => id).sort((a, b) => scores[b] - scores[a] || a - b);
}

/**
 * The probability of every token after temperature, top-k and top-p, by the rules of src/generate/knobs.rs. `order` is
 * orderOf(logits): no knob changes it.
 */
function probabilitiesAfterKnobs(logits, order, temperature, topK, topP) {
  const largest = logits[order[0]];
  if (temperature === 0) return Float64Array.from(logits, (_, id) => (id === order[0] ? 1 : 0));
  const scores = Float32Array.from(logits, (score) => (temperature === 1 ? score : Math.fround(score - largest) / temperature));
  if (topK > 0 && topK < scores.length) {
    const kth = scores[order[topK - 1]]; // tokens as likely as the k-th all stay
    scores.forEach((score, id) => { if (score < kth) scores[id] = -Infinity; });
  }
  if (topP < 1) {
    const probabilities = softmax(scores);
    let sum = 0;
    let enough = false;
    for (const id of order) {
      if (enough) scores[id] = -Infinity; // what comes after the nucleus
      sum += probabilities[id];
      enough = enough || sum >= topP;
    }
  }
  return softmax(scores);
}

/** An index, drawn with its probability: the pieces of a line, and a random point on it. */
function drawFrom(probabilities) {
  const point = Math.random() * probabilities.reduce((a, b) => a + b, 0);
  let end = 0;
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    last = id;
    end += probabilities[id];
    if (point < end) return id;
  }
  return last; // the sum was rounded
}
