// Text to token ids, as src/tokenizer/ does it, for a browser: the split rule, then byte-pair encoding. Only the live page has
// it. Chapter 2 explains both.
"use strict";

/**
 * GPT-2's split rule. JavaScript's own \s is not quite Unicode's white space, so that is named. A new browser knows some
 * letters that are younger than src/tokenizer/unicode_tables.rs (those of Unicode 17); all others are the same.
 */
const PIECES =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * A function that turns a text into ids. `vocabulary` has each token's text, or its bytes; `merges` has [left, right, result],
 * three ids, the merge that was learned first in front.
 */
function tokenizer(vocabulary, merges) {
  const idOfByte = new Map();
  vocabulary.forEach((token, id) => {
    const bytes = bytesOfToken(token);
    if (bytes.length === 1) idOfByte.set(bytes[0], id);
  });
  const rankOfPair = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));

  /** Merges a piece: again and again the pair of neighbours that was learned first becomes one token. */
  function merge(ids) {
    for (;;) {
      const ranks = ids.slice(1).map((right, i) => rankOfPair.get(`${ids[i]} ${right}`) ?? Infinity);
      const rank = ranks.reduce((least, rank) => Math.min(least, rank), Infinity);
      if (rank === Infinity) return ids;
      const merged = [];
      for (let i = 0; i < ids.length; i++) {
        const isPair = ranks[i] === rank;
        merged.push(isPair ? merges[rank][2] : ids[i]);
        if (isPair) i++; // its right half is in it
      }
      ids = merged;
    }
  }

  const encoder = new TextEncoder();
  return (text) => (text.match(PIECES) ?? []).flatMap((piece) =>
    merge(Array.from(encoder.encode(piece), (byte) => idOfByte.get(byte))));
}
