// Elements made without HTML: whatever a document or its name says becomes text, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes, listeners (such as `onclick`) and children, which are nodes or text. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function drawing(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Calls a function once, some milliseconds after the last of many calls. */
export function settled(milliseconds, call) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}

/** Calls a function some milliseconds after a call, and again once it is done if there were more meanwhile. */
export function steadily(milliseconds, call) {
  let called = false;
  let busy = false;
  return async () => {
    called = true;
    if (busy) return;
    busy = true;
    while (called) {
      await pause(milliseconds);
      called = false;
      await call();
    }
    busy = false;
  };
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
