// One document in the list: its parts stay the same nodes while it changes, so that the focus stays too.

import { element } from "./dom.js";
import { label, say } from "./i18n.js";

const UNFINISHED = ["pending", "processing"];
const RETRIABLE = ["failed", "cancelled"];
// What the same bytes would only come to again; another file has to be sent.
const FINAL = ["TEXT_EMPTY", "PDF_ENCRYPTED", "FILE_ENCRYPTED", "UNSUPPORTED_TYPE", "OBJECT_MISSING"];

/** What a document does now, as a message: its stage while it has one, else its state. */
export const standing = ({ state, stage }) =>
  stage && UNFINISHED.includes(state) ? `stage.${stage}` : `state.${state}`;

export class Row {
  /** `act` has what can be done: open, retry, cancel, remove, only (those that failed alike). */
  constructor(document, act) {
    const button = (name, key) =>
      say(element("button", { type: "button", onclick: () => act[name](this.document) }), key);
    this.name = element("button", { type: "button", class: "link name", onclick: () => act.open(this.document) });
    this.state = element("span", { class: "state" });
    this.progress = label(element("progress", { max: 100 }), "documents.progress");
    this.facts = element("p", { class: "facts" });
    this.code = element("button", { type: "button", class: "link", onclick: () => act.only(this.document) });
    this.reason = element("span", { lang: "en" });
    this.hint = element("span", { class: "hint", lang: "en" });
    this.error = element("p", { class: "error" }, this.code, " ", this.reason, " ", this.hint);
    this.retry = button("retry", "documents.retry");
    this.cancel = button("cancel", "documents.cancel");
    this.remove = button("remove", "documents.delete");
    const buttons = element("div", { class: "buttons" }, this.retry, this.cancel, this.remove);
    const heading = element("h3", {}, this.name);
    this.node = element("li", {}, heading, this.state, this.progress, this.facts, this.error, buttons);
    this.update(document);
  }

  update(document) {
    this.document = document;
    const { state, error } = document;
    const unfinished = UNFINISHED.includes(state);
    this.#name(document.file_name);
    this.node.dataset.state = state;
    say(this.state, standing(document));
    this.progress.hidden = !unfinished;
    this.progress.value = document.progress;
    this.#sayFacts();
    this.error.hidden = !error;
    if (error) this.#sayError(error);
    this.#show(this.retry, RETRIABLE.includes(state) && !FINAL.includes(error?.code));
    this.#show(this.cancel, unfinished);
  }

  #name(name) {
    this.name.textContent = name;
    label(this.retry, "documents.retryOf", { name });
    label(this.cancel, "documents.cancelOf", { name });
    label(this.remove, "documents.deleteOf", { name });
  }

  #sayFacts() {
    const { size_bytes: size, created_at: created, pages, chunks, state } = this.document;
    const key = state === "completed" ? "documents.facts" : "documents.factsBefore";
    say(this.facts, key, { size, created, pages: pages ?? 0, chunks: chunks ?? 0 });
  }

  #sayError({ code, message, page, hint }) {
    say(this.code, `code.${code}`);
    this.reason.textContent = page ? `${message} (p. ${page})` : message;
    this.hint.textContent = hint ?? "";
  }

  #show(button, shown) {
    if (!shown && button === globalThis.document.activeElement) this.name.focus();
    button.hidden = !shown;
  }
}
