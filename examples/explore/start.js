// The beginning: builds the parts of the page from top to bottom.
"use strict";

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
