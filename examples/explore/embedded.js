// The numbers of a page about one prompt: the command has computed and embedded them (src/lens/page_data.rs writes them), and
// they only have to be read.
"use strict";

/** The embedded data, with the letters as numbers and what can be had by adding. */
function unpacked(embedded) {
  const blocks = embedded.blocks.map((block) =>
    Object.fromEntries(Object.entries(block).map(([name, letters]) => [name, f16(letters)])));
  const [wte, wpe] = [f16(embedded.wte), f16(embedded.wpe)];
  const streams = [sumOf(wte, wpe)]; // the stream before each block, and at the end
  for (const block of blocks) streams.push(sumOf(streams.at(-1), sumOf(block.attn_out, block.mlp_out)));
  return { ...embedded, wte, wpe, blocks, streams, logits: f32(embedded.logits) };
}

showPage(unpacked(JSON.parse(document.getElementById("data").textContent)));
