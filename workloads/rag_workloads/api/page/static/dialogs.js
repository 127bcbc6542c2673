// A question before something that cannot be undone, and a line that says what was done.

import { byId } from "./dom.js";
import { known, say } from "./i18n.js";

/** Whether the user says yes. */
export function confirmed(key, values) {
  const dialog = byId("confirm-dialog");
  say(byId("confirm-question"), key, values);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Says something to all, screen readers too. */
export function notify(key, values) {
  byId("notice").hidden = false;
  say(byId("notice-text"), key, values);
}

/** Says what went wrong: in our words where there are any, and in those of the API. */
export function complain(error) {
  const key = `problem.${error.type ?? "unreachable"}`;
  notify(known(key) ? key : "problem.other", { detail: error.message });
}

/** Hides the line when it was read. */
export function start() {
  byId("notice-close").addEventListener("click", () => (byId("notice").hidden = true));
}
