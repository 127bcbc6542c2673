// Finds a quoted sentence in what is shown, and marks it. Only letters and digits count: what is shown breaks
// lines, hyphenates, and writes ligatures and accents in ways of its own.

// Of a sentence that is not there as a whole (a footer may part it), so many letters at least.
const LEAST = 12;

const MARKS_BEFORE = /[^\s\p{L}\p{N}]*$/u;
const MARKS_AFTER = /^[^\s\p{L}\p{N}]*/u;

/** What of a text counts. */
export const letters = (text) => text.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

/** Marks what there is of a quote in an element's text; returns the first mark, or null. */
export function mark(root, quote) {
  const nodes = textNodes(root);
  const place = find(nodes.map(({ data }) => letters(data)).join(""), letters(quote));
  return place && wrap(nodes, place)[0];
}

function textNodes(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walk.nextNode()) nodes.push(walk.currentNode);
  return nodes;
}

/** Where all of `wanted` is, or the longest part of it: `[start, end]` in letters. */
export function find(all, wanted) {
  const whole = wanted ? all.indexOf(wanted) : -1;
  if (whole >= 0) return [whole, whole + wanted.length];
  let best = null;
  for (let from = 0; wanted.length - from >= Math.max(LEAST, best ? best[1] - best[0] + 1 : 0); from += 1) {
    const part = partAt(all, wanted, from);
    if (part && (!best || part[1] - part[0] > best[1] - best[0])) best = part;
  }
  return best;
}

function partAt(all, wanted, from) {
  const start = all.indexOf(wanted.slice(from, from + LEAST));
  if (start < 0) return null;
  let length = LEAST;
  while (from + length < wanted.length && all[start + length] === wanted[from + length]) length += 1;
  return [start, start + length];
}

function wrap(nodes, [start, end]) {
  const ranges = [];
  let passed = 0;
  for (const node of nodes) {
    const length = letters(node.data).length;
    if (passed < end && passed + length > start) ranges.push(rangeIn(node, start - passed, end - passed));
    passed += length;
  }
  return ranges.map((range) => {
    const mark = document.createElement("mark");
    range.surroundContents(mark);
    return mark;
  });
}

/** The range of a text node from one of its letters to before another, with the marks that stand at them. */
function rangeIn(node, start, end) {
  const range = document.createRange();
  let passed = 0;
  let offset = 0;
  let from = null;
  let to = 0;
  for (const character of node.data) {
    const count = letters(character).length;
    if (count && from === null && passed >= start) from = offset;
    passed += count;
    offset += character.length;
    if (count && passed <= end) to = offset;
  }
  range.setStart(node, from - MARKS_BEFORE.exec(node.data.slice(0, from))[0].length);
  range.setEnd(node, to + MARKS_AFTER.exec(node.data.slice(to))[0].length);
  return range;
}
