// The first parts: the row of tokens that stays in sight, the tokens with their ids, and the embeddings.
"use strict";

/** The row at the top of the window. One token is chosen; the arrow keys choose another. */
function buildBar() {
  const bar = document.getElementById("strip");
  const buttons = data.ids.map((id, t) => {
    const button = tokenButton(t);
    button.setAttribute("role", "option");
    button.setAttribute("aria-label", `token ${t}: ${textOf(id)}`);
    return button;
  });
  bar.replaceChildren(...buttons);
  onChoice((t) => buttons.forEach((button, i) => {
    button.classList.toggle("chosen", i === t);
    button.setAttribute("aria-selected", i === t);
    button.tabIndex = i === t ? 0 : -1; // the tab key stops here once, not at every token
    if (i !== t) return;
    if (bar.contains(document.activeElement)) button.focus({ preventScroll: true });
    bar.scrollLeft = button.offsetLeft - bar.offsetLeft - bar.clientWidth / 2 + button.offsetWidth / 2;
  }));
  document.onkeydown = (event) => {
    const usesArrows = event.target.closest?.("input, textarea, .scroll");
    if (usesArrows || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "ArrowLeft") choose(chosen - 1);
    else if (event.key === "ArrowRight") choose(chosen + 1);
    else return;
    event.preventDefault();
  };
  const foldAll = document.getElementById("fold-all");
  foldAll.onclick = () => {
    const parts = [...document.querySelectorAll("details.part")];
    const open = !parts.some((part) => part.open);
    for (const part of parts) part.open = open && !part.classList.contains("later");
    foldAll.textContent = open ? "Fold all" : "Unfold";
  };
}

function buildHeader() {
  document.getElementById("name").textContent = data.name;
  document.title = `Inside ${data.name}`;
  document.getElementById("sizes").textContent =
    `${nSeq} ${nSeq === 1 ? "token" : "tokens"} · ${data.n_layer} ${data.n_layer === 1 ? "block" : "blocks"} · ` +
    `${data.n_head} ${data.n_head === 1 ? "head" : "heads"} in each · ${data.n_embd} numbers for a token · ` +
    `${data.n_vocab} tokens in the vocabulary · a context of ${data.n_ctx}`;
  const leftOut = document.getElementById("left-out");
  leftOut.hidden = data.n_before === 0;
  leftOut.textContent = `The prompt was longer than this page can show: the first ${data.n_before} tokens were left out, ` +
    `and the model read only these ${nSeq}.`;
}

/** A token's bytes as two digits each, if it has a text or bytes. */
function bytesText(id) {
  const token = data.vocabulary === null ? undefined : data.vocabulary[id];
  if (token === undefined || token === null) return "";
  return bytesOfToken(token).map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
}

function buildTokens() {
  const cards = data.ids.map((id, t) => {
    const bytes = bytesText(id);
    const card = element("button", { type: "button", class: "card" }, element("b", {}, face(id)),
      element("span", { class: "row" }, `id ${id}`), element("span", { class: "row" }, `position ${t}`));
    if (bytes) card.append(element("span", { class: "row" }, bytes));
    card.addEventListener("click", () => choose(t));
    return card;
  });
  document.getElementById("tokens").replaceChildren(...cards);
  onChoice((t) => cards.forEach((card, i) => card.classList.toggle("chosen", i === t)));
}

function buildEmbeddings() {
  const part = document.getElementById("part-embeddings");
  fillWhenOpened(part, () => {
    document.getElementById("embeddings").replaceChildren(strip("wte: what the token is", data.wte),
      strip("wpe: where it stands", data.wpe), strip("their sum: the stream", data.streams[0]));
  });
}
