// Text and Markdown, as text: its pages are what form feeds part, as they are for the API.

import { request } from "./api.js";
import { element } from "./dom.js";
import { mark } from "./marking.js";

// A long text in one element would be laid out as a whole.
const LINES = 400;

export async function load(path) {
  const answer = await request(path);
  const pages = decoded(await answer.arrayBuffer(), answer.headers.get("Content-Type") ?? "").split("\f");
  return { pages: pages.length, draw: (page, quote, sheet) => draw(pages[page - 1], quote, sheet), close() {} };
}

function decoded(bytes, type) {
  const [, declared] = /charset="?([\w.:-]+)/i.exec(type) ?? [];
  try {
    return new TextDecoder(encoding(new Uint8Array(bytes.slice(0, 2))) ?? declared).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes); // of an encoding that no browser knows
  }
}

/** What a byte order mark says, if it is not that of UTF-8, which the decoder takes by itself. */
function encoding([first, second]) {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

function draw(text, quote, sheet) {
  const lines = text.split("\n");
  const blocks = [];
  for (let from = 0; from < lines.length; from += LINES) {
    blocks.push(element("pre", { class: "text" }, lines.slice(from, from + LINES).join("\n")));
  }
  sheet.replaceChildren(...blocks);
  return quote ? mark(sheet, quote) : null;
}
