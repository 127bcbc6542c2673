// A document beside what one reads: at a page, with a sentence marked in it.

import { documentPath, request } from "./api.js";
import { byId } from "./dom.js";
import { say } from "./i18n.js";
import { authorization } from "./key.js";

// How a ZIP file begins, such as DOCX and EPUB are, or a page in HTML; and what is in no text in UTF-8.
const NO_TEXT = /^PK\x03\x04|^(?:\s|<!--[^]*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html)[\s>]|\ufffd(?!$)/i;

let opener = null;
let cited = { id: "", page: 1, quote: "" };
let opened = { version: "", document: null };
let shown = 1;
let latest = 0;

export function start() {
  byId("previous-page").addEventListener("click", () => show(shown - 1));
  byId("next-page").addEventListener("click", () => show(shown + 1));
  byId("close-viewer").addEventListener("click", close);
  byId("viewer").addEventListener("keydown", ({ key }) => key === "Escape" && close());
}

/** Loads what is needed to show a PDF, as one may be asked for soon. */
export const prepare = () => import("./viewer_pdf.js");

/** Opens a document at a page; the focus goes there, and back to `from` in the end. */
export async function open({ document_id: id, file_name: name, page, quote }, from = document.activeElement) {
  opener = from;
  byId("viewer-name").textContent = name;
  byId("viewer").hidden = false;
  document.body.classList.add("beside");
  byId("viewer-name").focus();
  if (id !== cited.id) {
    byId("sheet").replaceChildren();
    say(byId("viewer-status"), "viewer.loading");
  }
  cited = { id, page, quote };
  await show(page);
}

/** Shows a page of the document as it is now, unless another is wanted before it is there. */
async function show(page) {
  const mine = (latest += 1);
  const wanted = () => mine === latest;
  try {
    const document = await load(cited.id, wanted);
    if (wanted()) await draw(document, page, wanted);
  } catch (error) {
    if (wanted()) say(byId("viewer-status"), "viewer.failed", { detail: error.message });
  }
}

/** The document that is open, unless it was replaced, or is to be had by another key now. */
async function load(id, wanted) {
  const path = documentPath(id, "/file");
  const head = await request(path, { headers: { Range: "bytes=0-1023" } });
  const version = [id, head.headers.get("ETag"), authorization().Authorization].join();
  if (version === opened.version) return opened.document;
  const found = await read(id, path, await head.text());
  if (!wanted()) return found.close();
  opened.document?.close();
  opened = { version, document: found };
  return found;
}

/** The document by the first bytes of its file: what its name or type says may be wrong. */
async function read(id, path, head) {
  if (head.includes("%PDF-")) return (await prepare()).load(path);
  if (NO_TEXT.test(head)) return (await import("./viewer_chunks.js")).load(id);
  return (await import("./viewer_text.js")).load(path);
}

async function draw(document, asked, wanted) {
  const { pages } = document;
  const page = Math.min(Math.max(1, asked), pages);
  const quote = asked === cited.page ? cited.quote : "";
  shown = page;
  byId("previous-page").disabled = page === 1;
  byId("next-page").disabled = page === pages;
  byId("viewer-pages").hidden = pages === 1;
  say(byId("viewer-page"), "viewer.page", { page, pages });
  const marked = await document.draw(page, quote, byId("sheet"), wanted);
  if (!wanted()) return;
  marked?.scrollIntoView({ block: "center" });
  say(byId("viewer-status"), marked ? "viewer.marked" : quote ? "viewer.notFound" : "viewer.shown", { page });
}

function close() {
  latest += 1;
  byId("viewer").hidden = true;
  document.body.classList.remove("beside");
  opener?.focus();
}
