// The forward pass in a second language: `examples/sixty_lines.rs` once more, function by function and with the same names,
// for a browser. Only the live page has it. GELU and softmax are in numbers.js.
//
// There are no tensors here: a matrix is a list of its rows, and a row is a Float32Array. `p` holds every parameter under its
// name in the checkpoint, matrices as lists of rows, and the epsilon of layer norm. `watch(name, x)` is the probe of
// src/probe.rs: it is shown each result under the name that it has there, and gives it back.
"use strict";

/** The sum of the products of two rows: [n] · [n]. */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The sum of rows, each as often as its weight says: [m] · [m, n] -> [n]. Begins with `sum`, and changes it. */
function weightedSum(weights, rows, sum) {
  for (let i = 0; i < weights.length; i++) {
    const [weight, row] = [weights[i], rows[i]];
    for (let j = 0; j < sum.length; j++) sum[j] += weight * row[j];
  }
  return sum;
}

/** The sum of two matrices. */
function add(a, b) {
  return a.map((row, t) => sumOf(row, b[t]));
}

function layer_norm(x, p, name) {
  const [g, b] = [p[`${name}.weight`], p[`${name}.bias`]]; // [n_embd], [n_embd]
  const mean = (row) => row.reduce((sum, v) => sum + v, 0) / row.length;
  return x.map((row) => { // [n_seq, n_embd] -> [n_seq, n_embd]
    const center = mean(row);
    const deviation = Math.sqrt(mean(row.map((v) => (v - center) ** 2)) + p.epsilon);
    return row.map((v, i) => ((v - center) / deviation) * g[i] + b[i]);
  });
}

function linear(x, p, name) {
  const [w, b] = [p[`${name}.weight`], p[`${name}.bias`]]; // [in, out], [out]
  return x.map((row) => weightedSum(row, w, b.slice())); // [n_seq, in] -> [n_seq, out]
}

function ffn(x, p, name, watch) {
  const wide = watch(`${name}.fc`, linear(x, p, `${name}.c_fc`)); // [n_seq, n_embd] -> [n_seq, 4*n_embd]
  return linear(wide.map((row) => row.map(gelu)), p, `${name}.c_proj`); // [n_seq, 4*n_embd] -> [n_seq, n_embd]
}

function attention(q, k, v, name, watch) {
  const scores = watch(`${name}.scores`, q.map((asks) => Float32Array.from(k, (offers) => dot(asks, offers))));
  const size = q[0].length; // [n_seq, size] · [n_seq, size]ᵀ -> [n_seq, n_seq]
  const masked = scores.map((row, t) => row.map((score, j) => (j > t ? -Infinity : score / Math.sqrt(size))));
  return masked.map((row) => weightedSum(softmax(row), v, new Float32Array(size))); // [n_seq, n_seq] · [n_seq, size]
}

function mha(x, p, name, n_head, watch) {
  const qkv = linear(x, p, `${name}.c_attn`); // [n_seq, n_embd] -> [n_seq, 3*n_embd]
  const [n_embd, size] = [x[0].length, x[0].length / n_head];
  const columns = (matrix, first, n) => matrix.map((row) => row.subarray(first, first + n));
  const [q, k, v] = ["q", "k", "v"].map((part, i) => watch(`${name}.${part}`, columns(qkv, i * n_embd, n_embd)));
  const heads = Array.from({ length: n_head }, (_, h) => // n_head times [n_seq, size]
    attention(...[q, k, v].map((matrix) => columns(matrix, h * size, size)), `${name}.${h}`, watch));
  const side_by_side = x.map((_, t) => Float32Array.from(heads.flatMap((head) => [...head[t]]))); // [n_seq, n_embd]
  return linear(side_by_side, p, `${name}.c_proj`); // [n_seq, n_embd] -> [n_seq, n_embd]
}

function transformer_block(x, p, name, n_head, watch) {
  const ln_1 = watch(`${name}.ln_1`, layer_norm(x, p, `${name}.ln_1`)); // all of them [n_seq, n_embd] -> [n_seq, n_embd]
  x = add(x, watch(`${name}.attn.out`, mha(ln_1, p, `${name}.attn`, n_head, watch)));
  const ln_2 = watch(`${name}.ln_2`, layer_norm(x, p, `${name}.ln_2`));
  return add(x, watch(`${name}.mlp.out`, ffn(ln_2, p, `${name}.mlp`, watch)));
}

/** The head: a score for each row of wte. The live page also asks it after every block: the logit lens. */
function logits(x, p) {
  const [normed, wte] = [layer_norm(x, p, "ln_f"), p["wte.weight"]]; // [n_seq, n_embd], [n_vocab, n_embd]
  return normed.map((row) => { // [n_seq, n_embd] · [n_vocab, n_embd]ᵀ -> [n_seq, n_vocab]
    const scores = new Float32Array(wte.length);
    for (let id = 0; id < wte.length; id++) scores[id] = dot(row, wte[id]);
    return scores;
  });
}

function gpt2(ids, p, n_head, watch) {
  const wte = watch("wte", ids.map((id) => p["wte.weight"][id])); // [n_seq] -> [n_seq, n_embd]
  const wpe = watch("wpe", ids.map((_, position) => p["wpe.weight"][position])); // [n_seq] -> [n_seq, n_embd]
  let x = watch("embd", add(wte, wpe));
  for (let i = 0; p[`h.${i}.ln_1.weight`]; i++) {
    x = watch(`h.${i}.out`, transformer_block(x, p, `h.${i}`, n_head, watch)); // [n_seq, n_embd] -> [n_seq, n_embd]
  }
  return logits(x, p); // [n_seq, n_embd] -> [n_seq, n_vocab]
}
