// Files on their way: a few at a time, each followed from its first byte until searches find it.

import { documentPath, get, upload } from "./api.js";
import { byId, element, pause } from "./dom.js";
import { known, label, say } from "./i18n.js";
import { standing } from "./row.js";

// The API takes 16 at once in each of its pods, from all who send.
const AT_ONCE = 4;
const AGAIN = 3000;

const waiting = [];
// Those that are sent and not at their end, by their documents' ids: the same bytes may be sent twice.
const followed = new Map();
let sending = 0;

/** Takes files that are dropped anywhere on the page, or chosen. */
export function start() {
  const input = byId("files");
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) byId("drop").classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    add(event.dataTransfer.files);
  });
  byId("clear-uploads").addEventListener("click", clear);
}

/** Takes in what an event says of a document. */
export function changed(event) {
  followed.get(event.document_id)?.forEach((item) => item.show({ ...event, state: event.status }));
}

/** Looks how those are whose events were lost. */
export async function lookAgain() {
  await Promise.all([...followed.keys()].map(look));
}

async function look(id) {
  const gone = { state: "deleted", progress: 0 };
  const document = await get(documentPath(id)).catch(({ status }) => (status === 404 ? gone : null));
  if (document) followed.get(id)?.forEach((item) => item.show(document));
}

function add(files) {
  const items = [...files].map((file) => new Item(file));
  waiting.push(...items);
  byId("uploads").prepend(...items.map(({ node }) => node));
  byId("uploading").hidden = false;
  sendMore();
}

function sendMore() {
  while (waiting.length && sending < AT_ONCE) {
    sending += 1;
    waiting.shift().send().finally(() => {
      sending -= 1;
      sendMore();
    });
  }
}

function clear() {
  byId("uploads").querySelectorAll("[data-ended]").forEach((node) => node.remove());
  byId("uploading").hidden = !byId("uploads").children.length;
}

/** Whether it is a file that can be sent: of a folder, or of one that has changed, the browser gives nothing. */
const readable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

class Item {
  constructor(file) {
    this.file = file;
    this.progress = label(element("progress", { max: 100, value: 0 }), "upload.progressOf", { name: file.name });
    this.state = say(element("span", { class: "state" }), "upload.waiting");
    this.problem = element("p", { class: "error", lang: "en", hidden: "" });
    const name = element("span", { class: "name" }, file.name);
    this.node = element("li", {}, name, this.state, this.progress, this.problem);
  }

  /** Sends the file, again and again while the API is busy or away; its bytes are taken only once. */
  async send() {
    for (;;) {
      try {
        return await this.#follow(await upload("api/v1/documents/upload", this.#form(), (share) => this.#sent(share)));
      } catch (error) {
        const busy = error.status === 503 || error.status === 429;
        if (error.status && !busy) return this.#refused(error);
        if (!error.status && !(await readable(this.file))) return this.#refused({ type: "unreadable", message: "" });
        say(this.state, busy ? "upload.busy" : "upload.lost");
        await pause(1000 * error.retryAfter || AGAIN);
      }
    }
  }

  #form() {
    const form = new FormData();
    form.append("file", this.file);
    return form;
  }

  #sent(share) {
    this.progress.value = 100 * share;
    say(this.state, share < 1 ? "upload.sending" : "upload.taken");
  }

  /** Its events may have come before the answer, so that it is looked at once. */
  async #follow({ document_id: id }) {
    this.id = id;
    followed.set(id, [...(followed.get(id) ?? []), this]);
    await look(id);
  }

  show(document) {
    this.progress.value = document.progress;
    this.node.dataset.state = document.state;
    say(this.state, standing(document));
    if (document.error) this.#complain(`${document.error.message} ${document.error.hint ?? ""}`);
    if (!["pending", "processing"].includes(document.state)) this.#end();
  }

  #refused(error) {
    const key = `problem.${error.type}`;
    this.node.dataset.state = "failed";
    say(this.state, known(key) ? key : "upload.refused");
    this.#complain(error.message);
    this.#end();
  }

  #complain(text) {
    this.problem.hidden = false;
    this.problem.textContent = text;
  }

  #end() {
    this.node.dataset.ended = "";
    this.progress.hidden = true;
    followed.delete(this.id);
  }
}
