// The last hour as small charts, each with what it shows in words.

import { drawing, element } from "./dom.js";
import { label, say } from "./i18n.js";

const WIDTH = 600;
const HEIGHT = 120;
// Stacked bars, by what a minute says of them.
const CHARTS = { documents: ["completed", "failed"], depth: ["queue_depth"], replicas: ["replicas"] };

/** One chart each of documents per minute, queue depth and replicas. */
export function charts(minutes) {
  return Object.entries(CHARTS).map(([name, parts]) => chart(name, parts, minutes));
}

function chart(name, parts, minutes) {
  const totals = minutes.map((minute) => parts.reduce((sum, part) => sum + (minute[part] ?? 0), 0));
  const most = Math.max(0, ...totals);
  const picture = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" });
  label(picture, `chart.${name}Said`, { most, now: totals.at(-1) ?? 0 });
  picture.append(...minutes.flatMap((minute, index) => bars(minute, parts, index, minutes.length, most)));
  const title = say(element("h3"), `chart.${name}`);
  const scale = say(element("p", { class: "facts" }), "chart.most", { most });
  return element("section", { class: "card" }, title, scale, picture);
}

function bars(minute, parts, index, count, most) {
  const width = WIDTH / Math.max(60, count);
  let y = HEIGHT;
  return parts.map((part) => {
    const height = most ? (HEIGHT * (minute[part] ?? 0)) / most : 0;
    y -= height;
    return drawing("rect", { x: index * width, y, width: width - 1, height, class: part });
  });
}
