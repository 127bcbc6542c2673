// What searches see of a document, as text: of a file that is a page, a book or of an office program, which
// the page must not show as it is.

import { documentPath, get } from "./api.js";
import { element } from "./dom.js";
import { mark } from "./marking.js";

const AT_ONCE = 200;

export async function load(id) {
  const texts = [];
  for (let total = 1; texts.length < total; ) {
    const answer = await get(documentPath(id, "/chunks"), { limit: AT_ONCE, offset: texts.length });
    if (!answer.chunks.length) break;
    texts.push(...answer.chunks.map(({ text }) => text));
    total = answer.total;
  }
  return { pages: 1, draw: (page, quote, sheet) => draw(texts, quote, sheet), close() {} };
}

function draw(texts, quote, sheet) {
  sheet.replaceChildren(...texts.map((text) => element("pre", { class: "text" }, text)));
  return quote ? mark(sheet, quote) : null;
}
