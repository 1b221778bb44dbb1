// All parts of the page from top to bottom, for whatever numbers there are.
"use strict";

/** Shows the numbers of a forward pass instead of those before. What was folded stays so, what was in sight stays in sight. */
function showPage(newData) {
  const places = () => [...document.querySelectorAll(".part, .step")];
  const top = (place) => place.getBoundingClientRect().top;
  const here = places().findLastIndex((place) => top(place) < innerHeight / 3); // what is being looked at
  const before = here < 0 ? 0 : top(places()[here]);

  take(newData);
  readColours();
  buildHeader();
  buildBar();
  buildTokens();
  buildEmbeddings();
  buildBlocks();
  buildStream();
  buildLens();
  buildSurprise();
  buildNext();

  // The pictures above may have grown or shrunk.
  if (here >= 0 && scrollY > 0) scrollBy(0, top(places()[here]) - before);
}
