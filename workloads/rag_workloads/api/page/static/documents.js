// The list of documents: a page of it at a time, by a filter, and each change of what is shown.

import { documentPath, get, request } from "./api.js";
import { complain, confirmed, notify } from "./dialogs.js";
import { byId, steadily } from "./dom.js";
import { currentFilter, filterBy, showCounts, start as startFilters } from "./filters.js";
import { say } from "./i18n.js";
import { Row } from "./row.js";
import { open } from "./viewer.js";

const PATH = "api/v1/documents";
const PAGE = 50;

let rows = new Map();
// Where the pages begin that were turned, the last one being shown; "" is the beginning of the list.
let places = [""];
let following = null;
let latest = 0;

/** Shows the first page, and reads the list anew wherever the filter changes. */
export function start() {
  startFilters(() => turnTo([""]));
  byId("newer").addEventListener("click", () => turnTo(places.slice(0, -1)));
  byId("older").addEventListener("click", () => turnTo([...places, following]));
  byId("retry-all").addEventListener("click", retryAll);
  return load();
}

/** Takes in what an event says. What is not shown may be new, and belong on the first page. */
export function changed(event) {
  const row = rows.get(event.document_id);
  if (row && event.status !== "deleted") row.update({ ...row.document, ...event, state: event.status });
  reloadSoon();
}

const reloadSoon = steadily(700, load);

/** Reads the page that is shown. A list may give less than it was asked for, though more follows. */
export async function load() {
  const mine = (latest += 1);
  const found = [];
  let cursor = places.at(-1);
  try {
    do {
      const page = await get(PATH, { ...currentFilter(), limit: PAGE - found.length, cursor });
      if (mine !== latest) return;
      found.push(...page.documents);
      cursor = page.next_cursor;
      show(found, cursor);
      showCounts(page.counts);
    } while (cursor && found.length < PAGE);
  } catch (error) {
    if (mine === latest) complain(error);
  }
}

function show(documents, cursor) {
  const before = [...rows.keys()].join("\n");
  rows = new Map(documents.map((each) => [each.document_id, renewed(each)]));
  if (before !== [...rows.keys()].join("\n")) {
    byId("list").replaceChildren(...[...rows.values()].map(({ node }) => node));
  }
  following = cursor;
  byId("older").disabled = !cursor;
  byId("newer").disabled = places.length === 1;
  say(byId("page-number"), "documents.page", { number: places.length });
  byId("nothing").hidden = documents.length > 0;
  byId("retry-all").hidden = currentFilter().state !== "failed" || !documents.length;
}

function renewed(document) {
  const row = rows.get(document.document_id);
  if (!row) return new Row(document, actions);
  row.update(document);
  return row;
}

function turnTo(wanted) {
  places = wanted;
  return load();
}

const actions = {
  open: ({ document_id, file_name }) => open({ document_id, file_name, page: 1, quote: "" }),
  only: ({ error }) => filterBy({ state: "failed", error_code: error.code }),
  retry: ({ document_id }) => order("POST", documentPath(document_id, "/retry")),
  cancel: ({ document_id }) => order("POST", documentPath(document_id, "/cancel")),
  remove: async ({ document_id, file_name }) => {
    if (await confirmed("documents.confirmDelete", { name: file_name })) {
      await order("DELETE", documentPath(document_id));
    }
  },
};

async function order(method, path) {
  try {
    await request(path, { method });
    await load();
  } catch (error) {
    complain(error);
  }
}

/** Has all documents that failed tried again, or those that failed with the code that is shown. */
async function retryAll() {
  const query = new URLSearchParams({ ...currentFilter() });
  let done = 0;
  try {
    for (let cursor = ""; cursor !== null; ) {
      if (cursor) query.set("cursor", cursor);
      const part = await (await request(`${PATH}/retry?${query}`, { method: "POST" })).json();
      done += part.done;
      cursor = part.next_cursor;
      notify("documents.retried", { done });
    }
    await load();
  } catch (error) {
    complain(error);
  }
}
