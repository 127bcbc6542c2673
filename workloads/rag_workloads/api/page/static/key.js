// The API's key, for an API that asks for one: kept for the session of this tab only.

import { byId } from "./dom.js";

const KEPT = "ragpipeline.key";

let asking = null;

/** The header that a request needs; none as long as nobody gave a key. */
export function authorization() {
  const key = sessionStorage.getItem(KEPT);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Asks for another key than the one that was refused, once for all requests that wait for it. */
export async function askForKey(refused) {
  if (authorization().Authorization !== refused) return;
  asking ??= ask(Boolean(refused)).finally(() => (asking = null));
  await asking;
}

function ask(wrong) {
  const dialog = byId("key-dialog");
  byId("key-wrong").hidden = !wrong;
  byId("key").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      if (!dialog.returnValue) return dialog.showModal(); // closed by Escape, while requests wait for a key
      sessionStorage.setItem(KEPT, byId("key").value.trim());
      resolve();
    };
  });
}
