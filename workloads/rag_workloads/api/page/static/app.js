// The page: its three views, and the one stream of events that they share.

import * as activity from "./activity.js";
import * as ask from "./ask.js";
import * as dialogs from "./dialogs.js";
import * as documents from "./documents.js";
import { byId } from "./dom.js";
import { follow } from "./events.js";
import { say, start as startLanguage } from "./i18n.js";
import * as upload from "./upload.js";
import * as viewer from "./viewer.js";

const VIEWS = ["documents", "ask", "activity"];
const shown = () => VIEWS.find((name) => location.hash === `#${name}`) ?? VIEWS[0];

function showView() {
  for (const name of VIEWS) {
    byId(name).hidden = name !== shown();
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === shown()) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown() === "activity") activity.watch(() => shown() === "activity");
}

function connection(state) {
  byId("connection").dataset.state = state;
  say(byId("connection"), `connection.${state}`);
}

[dialogs, viewer, upload, ask].forEach((part) => part.start());
addEventListener("hashchange", () => {
  showView();
  byId(shown()).querySelector("h2").focus();
});
showView();
// At once, as neither needs the other: what is there before its words is given them when they come.
await Promise.all([startLanguage(byId("language")), documents.start()]);
await follow({
  told(event) {
    documents.changed(event);
    upload.changed(event);
  },
  lost() {
    documents.load();
    upload.lookAgain();
  },
  state: connection,
});
