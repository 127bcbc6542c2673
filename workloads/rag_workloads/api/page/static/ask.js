// A question, its answer as it is written, and what it rests on.

import { Refused, request } from "./api.js";
import { complain } from "./dialogs.js";
import { byId, element } from "./dom.js";
import { say } from "./i18n.js";
import { readEvents } from "./streams.js";
import { open, prepare } from "./viewer.js";

let control = null;

export function start() {
  byId("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(byId("question").value);
  });
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      byId("ask-form").requestSubmit();
    }
  });
  byId("stop").addEventListener("click", () => control?.abort());
}

async function ask(query) {
  control?.abort();
  const mine = (control = new AbortController());
  begin(query);
  try {
    const body = JSON.stringify({ query, stream: true });
    const headers = { "Content-Type": "application/json" };
    const answer = await request("api/v1/query", { method: "POST", headers, body, signal: mine.signal });
    for await (const event of readEvents(answer)) take(event);
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  } finally {
    if (mine === control) end();
  }
}

function begin(query) {
  byId("asked").textContent = query;
  byId("answer").textContent = "";
  byId("citations").replaceChildren();
  byId("cited").hidden = true;
  byId("no-model").hidden = true;
  byId("answered").hidden = false;
  byId("answered").setAttribute("aria-busy", "true");
  byId("stop").hidden = false;
}

function end() {
  byId("answered").setAttribute("aria-busy", "false");
  byId("stop").hidden = true;
}

function take({ name = "message", data }) {
  if (!data) return;
  const told = JSON.parse(data);
  if (name === "message") byId("answer").append(told.chunk);
  else if (name === "citations") cite(told.citations);
  else if (name === "error") complain(new Refused(told.status, told));
}

function cite(citations) {
  byId("citations").replaceChildren(...citations.map(citation));
  byId("answer").replaceChildren(...linked(byId("answer").textContent, citations));
  byId("cited").hidden = !citations.length;
  byId("no-model").hidden = Boolean(byId("answer").textContent);
  if (citations.length) prepare();
}

/** The answer with its marks, such as [1], as buttons that open what they point at. */
function linked(answer, citations) {
  return answer.split(/(\[\d+\])/).map((part, index) => {
    const cited = index % 2 ? citations[Number(part.slice(1, -1)) - 1] : null;
    if (!cited) return part;
    const button = element("button", { type: "button", class: "mark", title: cited.quote }, part);
    button.addEventListener("click", () => open(cited, button));
    return button;
  });
}

function citation(cited, index) {
  const { file_name: name, page, quote } = cited;
  const source = say(element("span", { class: "source" }), "ask.source", { name, page });
  const number = element("span", { class: "number", "aria-hidden": "true" }, String(index + 1));
  const button = element("button", { type: "button", class: "citation" }, number, element("q", {}, quote), source);
  button.addEventListener("click", () => open(cited, button));
  return element("li", {}, button);
}
