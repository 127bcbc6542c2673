// The page's words. An element keeps the name of its message and the values in it, so that a switch of the
// language is one walk over the page.

const LANGUAGES = ["en", "zh-CN"];
const KEPT = "ragpipeline.language";
// What of an element a message can be, by the attribute that names the message.
const PARTS = {
  "data-i18n": (node, text) => (node.textContent = text),
  "data-i18n-label": (node, text) => node.setAttribute("aria-label", text),
  "data-i18n-placeholder": (node, text) => node.setAttribute("placeholder", text),
};

// Written into a message as it is, a name in such letters would reorder the words around it.
const RIGHT_TO_LEFT = /[\p{Script=Arab}\p{Script=Hebr}\p{Script=Syrc}\p{Script=Thaa}]/u;

let language = "en";
let messages = {};

/** Takes the language that was chosen here before, or else the browser's. */
export async function start(select) {
  select.value = localStorage.getItem(KEPT) ?? preferred();
  select.addEventListener("change", async () => {
    localStorage.setItem(KEPT, select.value);
    await load(select.value);
  });
  await load(select.value);
}

function preferred() {
  const known = navigator.languages.map((tag) => (tag.toLowerCase().startsWith("zh") ? "zh-CN" : tag.slice(0, 2)));
  return known.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

async function load(wanted) {
  messages = await (await fetch(new URL(`${wanted}.json`, import.meta.url))).json();
  language = document.documentElement.lang = wanted;
  translate(document.documentElement);
}

/** Makes a message the text of an element, and returns the element. */
export function say(node, key, values = {}) {
  node.setAttribute("data-i18n", key);
  return withValues(node, values);
}

/** Makes a message what a screen reader says of an element, and returns the element. */
export function label(node, key, values = {}) {
  node.setAttribute("data-i18n-label", key);
  return withValues(node, values);
}

/** Whether there is such a message. */
export const known = (key) => key in messages;

function withValues(node, values) {
  node.setAttribute("data-i18n-values", JSON.stringify(values));
  apply(node);
  return node;
}

function translate(root) {
  const anyPart = Object.keys(PARTS).map((attribute) => `[${attribute}]`);
  root.querySelectorAll(anyPart.join()).forEach(apply);
}

function apply(node) {
  const values = JSON.parse(node.getAttribute("data-i18n-values") ?? "{}");
  for (const [attribute, put] of Object.entries(PARTS)) {
    if (node.hasAttribute(attribute)) put(node, message(node.getAttribute(attribute), values));
  }
}

/** A message with its values: `{name}` as it is, `{name:kind}` as a number, bytes, duration or time, and
 * `{name:page|pages}` as the one word or the other. */
export function message(key, values = {}) {
  return (messages[key] ?? "").replace(/\{(\w+)(?::([^}]+))?\}/g, (_, name, kind) => written(values[name], kind));
}

function written(value, kind) {
  const [one, more] = kind?.split("|") ?? [];
  if (more) return new Intl.PluralRules(language).select(value) === "one" ? one : more;
  switch (kind) {
    case "number":
      return new Intl.NumberFormat(language).format(value);
    case "bytes":
      return bytes(value);
    case "duration":
      return duration(value);
    case "time":
      return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
    default:
      return RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : String(value);
  }
}

function unit(value, name, unitDisplay = "short") {
  const style = { style: "unit", unit: name, unitDisplay, maximumFractionDigits: value < 10 ? 1 : 0 };
  return new Intl.NumberFormat(language, style).format(value);
}

function bytes(value) {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(steps.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return unit(value / 1000 ** step, steps[step], "narrow");
}

function duration(seconds) {
  if (seconds < 60) return unit(Math.round(seconds), "second");
  if (seconds < 3600) return unit(Math.round(seconds / 60), "minute");
  return seconds < 86400 ? unit(seconds / 3600, "hour") : unit(seconds / 86400, "day");
}
