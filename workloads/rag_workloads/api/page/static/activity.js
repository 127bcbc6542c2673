// Queues and workers, and the last hour: looked at again and again while they are shown.

import { get } from "./api.js";
import { charts } from "./charts.js";
import { complain } from "./dialogs.js";
import { byId, element, pause } from "./dom.js";
import { say } from "./i18n.js";

const AGAIN = 5000;

let latest = 0;

/** Looks for as long as `wanted` says so, and nobody has called it again. */
export async function watch(wanted) {
  const mine = (latest += 1);
  while (mine === latest && wanted()) {
    try {
      if (!document.hidden) show(await get("api/v1/activity"));
    } catch (error) {
      complain(error);
    }
    await pause(AGAIN);
  }
}

function show({ queues, workers, embedding, minutes }) {
  say(byId("replicas"), "activity.replicas", { replicas: embedding.replicas ?? 0 });
  queues.forEach(showQueue);
  showTable("workers", "activity.workers", WORKER, workers);
  byId("no-workers").hidden = workers.length > 0;
  byId("charts").replaceChildren(...charts(minutes));
}

const plain = (key) => (row) => element("td", {}, String(row[key] ?? "–"));
const number = (key) => (row) => element("td", { class: "number" }, String(row[key] ?? "–"));
const duration = (key) => (row) => ago(element("td", { class: "number" }), row[key]);

// Columns, by what heads them.
const WORKER = {
  "activity.worker": plain("name"),
  "activity.queue": ({ queue: name }) => say(element("td"), `activity.${name}`),
  "activity.running": number("running"),
  "activity.seen": duration("seen_seconds"),
};
const ENTRY = {
  "activity.document": plain("file_name"),
  "activity.batch": number("batch"),
  "activity.state": ({ state }) => say(element("td"), `activity.${state}`),
  "activity.age": duration("age_seconds"),
  "activity.attempts": number("attempts"),
};

function ago(node, seconds) {
  if (seconds == null) node.textContent = "–";
  else say(node, "activity.duration", { seconds });
  return node;
}

function showQueue({ name, waiting, running, deferred, failed, oldest_seconds: oldest, entries }) {
  const counts = Object.entries({ waiting, running, deferred, failed });
  const figures = counts.map(([state, count]) => figure(`activity.${state}`, element("dd", {}, String(count))));
  byId(`${name}-figures`).replaceChildren(...figures, figure("activity.oldest", ago(element("dd"), oldest)));
  showTable(`${name}-entries`, `activity.${name}Queue`, ENTRY, entries);
}

const figure = (key, value) => element("div", {}, say(element("dt"), key), value);

function showTable(id, caption, columns, rows) {
  const heads = Object.keys(columns).map((key) => say(element("th", { scope: "col" }), key));
  const body = rows.map((row) => element("tr", {}, ...Object.values(columns).map((cell) => cell(row))));
  const title = say(element("caption", { class: "unseen" }), caption);
  const head = element("thead", {}, element("tr", {}, ...heads));
  byId(id).replaceChildren(element("table", {}, title, head, element("tbody", {}, ...body)));
  byId(id).hidden = !rows.length;
}
