// A document beside what one reads: at a page, with a sentence marked in it.

import { documentPath, request } from "./api.js";
import { byId } from "./dom.js";
import { say } from "./i18n.js";

// How a ZIP file begins, such as DOCX and EPUB are, or a page in HTML; and what is in no text in UTF-8.
const NO_TEXT = /^PK\x03\x04|^(?:\s|<!--[^]*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html)[\s>]|\ufffd(?!$)/i;

let opener = null;
let opened = { id: "", document: null };
let cited = { page: 1, quote: "" };
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
  const mine = (latest += 1);
  opener = from;
  byId("viewer-name").textContent = name;
  byId("viewer").hidden = false;
  document.body.classList.add("beside");
  byId("viewer-name").focus();
  cited = { page, quote };
  try {
    if (opened.id !== id) {
      byId("sheet").replaceChildren();
      say(byId("viewer-status"), "viewer.loading");
      const found = await load(id);
      if (mine !== latest) return found.close();
      opened.document?.close();
      opened = { id, document: found };
    }
    await show(page);
  } catch (error) {
    if (mine === latest) say(byId("viewer-status"), "viewer.failed", { detail: error.message });
  }
}

/** The document by the first bytes of its file: what its name or type says may be wrong. */
async function load(id) {
  const path = documentPath(id, "/file");
  const head = await (await request(path, { headers: { Range: "bytes=0-1023" } })).text();
  if (head.includes("%PDF-")) return (await prepare()).load(path);
  if (NO_TEXT.test(head)) return (await import("./viewer_chunks.js")).load(id);
  return (await import("./viewer_text.js")).load(path);
}

async function show(wanted) {
  const { pages, draw } = opened.document;
  const page = Math.min(Math.max(1, wanted), pages);
  const quote = page === cited.page ? cited.quote : "";
  shown = page;
  byId("previous-page").disabled = page === 1;
  byId("next-page").disabled = page === pages;
  byId("viewer-pages").hidden = pages === 1;
  say(byId("viewer-page"), "viewer.page", { page, pages });
  const marked = await draw(page, quote, byId("sheet"));
  marked?.scrollIntoView({ block: "center" });
  say(byId("viewer-status"), marked ? "viewer.marked" : quote ? "viewer.notFound" : "viewer.shown", { page });
}

function close() {
  latest += 1;
  byId("viewer").hidden = true;
  document.body.classList.remove("beside");
  opener?.focus();
}
