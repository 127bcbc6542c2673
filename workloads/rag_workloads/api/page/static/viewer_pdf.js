// PDFs by pdf.js: only the parts of the file are fetched that the page at hand needs.

import { element } from "./dom.js";
import { authorization } from "./key.js";
import { mark } from "./marking.js";
import { PDFWorker, TextLayer, getDocument } from "./pdfjs/build/pdf.min.mjs";

const ours = (path) => new URL(`pdfjs/${path}`, import.meta.url).href;
const WORKER = ours("build/pdf.worker.min.mjs");
const LARGEST_SCALE = 2;

// The only script that the page may start by its address.
const policy = globalThis.trustedTypes?.createPolicy("page-worker", { createScriptURL: () => WORKER });
const port = new Worker(policy ? policy.createScriptURL("") : WORKER, { type: "module" });
const worker = new PDFWorker({ port });

export async function load(path) {
  const loading = getDocument({
    url: new URL(path, document.baseURI).href,
    httpHeaders: authorization(),
    worker,
    disableAutoFetch: true,
    disableStream: true,
    cMapUrl: ours("cmaps/"),
    standardFontDataUrl: ours("standard_fonts/"),
    wasmUrl: ours("wasm/"),
    useWasm: false, // it would need 'unsafe-eval' of its kind; pdf.js brings the same as plain scripts
  });
  const pdf = await loading.promise;
  return {
    pages: pdf.numPages,
    draw: async (page, quote, sheet, wanted) => {
      const leaf = await pdf.getPage(page);
      return wanted() ? draw(leaf, quote, sheet) : null;
    },
    close: () => loading.destroy(),
  };
}

async function draw(page, quote, sheet) {
  const scale = Math.min(LARGEST_SCALE, sheet.clientWidth / page.getViewport({ scale: 1 }).width);
  const viewport = page.getViewport({ scale });
  const density = globalThis.devicePixelRatio;
  const canvas = element("canvas", { width: viewport.width * density, height: viewport.height * density });
  const layer = element("div", { class: "textLayer" });
  const leaf = element("div", { class: "leaf" }, canvas, layer);
  for (const [name, value] of [["width", viewport.width], ["height", viewport.height]]) {
    leaf.style[name] = `${value}px`;
  }
  leaf.style.setProperty("--total-scale-factor", scale);
  sheet.replaceChildren(leaf);
  const transform = [density, 0, 0, density, 0, 0];
  const drawn = page.render({ canvas, viewport, transform }).promise;
  await new TextLayer({ textContentSource: page.streamTextContent(), container: layer, viewport }).render();
  const marked = quote ? mark(layer, quote) : null;
  await drawn;
  return marked;
}
