// What the list is filtered by: a state, the code of an error, a part of the name.

import { byId, element, settled } from "./dom.js";
import { say } from "./i18n.js";

const STATES = ["", "pending", "processing", "completed", "failed", "cancelled"];
const CODES = [
  ...["PDF_CORRUPT", "PDF_ENCRYPTED", "PDF_NO_TEXT", "FILE_CORRUPT", "FILE_ENCRYPTED", "FILE_TOO_LARGE"],
  ...["TEXT_EMPTY", "UNSUPPORTED_TYPE", "PARSE_TIMEOUT", "PARSE_CRASHED"],
  ...[ "EMBEDDING_FAILED", "INGEST_STALLED", "OBJECT_MISSING", "DELETE_UNFINISHED", "INTERNAL"],
];

const buttons = new Map();
let state = "";
let heard;

/** Makes the filter's controls; `changes` is called whenever they change. */
export function start(changes) {
  heard = changes;
  for (const each of STATES) {
    const button = element("button", { type: "button", onclick: () => filterBy({ state: each }) });
    buttons.set(each, button);
    say(button, `filter.${each || "all"}`, { count: 0 });
  }
  byId("states").replaceChildren(...buttons.values());
  byId("code").append(...CODES.map((code) => say(element("option", { value: code }), `code.${code}`)));
  byId("code").addEventListener("change", changes);
  byId("search").addEventListener("input", settled(250, changes));
  mark();
}

/** The filter as the API's parameters. */
export function currentFilter() {
  const filter = { state, error_code: byId("code").value, name: byId("search").value.trim() };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
}

/** Filters by a state, and by the code of an error if there is one. */
export function filterBy({ state: wanted, error_code: code = "" }) {
  state = wanted;
  byId("code").value = code;
  mark();
  heard();
}

/** Says how many documents there are in each state. */
export function showCounts(counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  for (const [each, button] of buttons) {
    say(button, `filter.${each || "all"}`, { count: each ? (counts[each] ?? 0) : all });
  }
}

function mark() {
  for (const [each, button] of buttons) button.setAttribute("aria-pressed", each === state);
  byId("code").parentElement.hidden = state !== "failed";
}
