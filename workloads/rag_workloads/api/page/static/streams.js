// Server-sent events read by fetch: an EventSource can send no key.

/** The events of an answer as they come, `{id, name, data}`; a comment, which only says "alive", has none. */
export async function* readEvents(answer) {
  let event = {};
  for await (const line of lines(answer.body)) {
    if (line === "") {
      yield event;
      event = {};
    } else {
      add(event, line);
    }
  }
}

function add(event, line) {
  const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
  if (field === "data") event.data = "data" in event ? `${event.data}\n${value}` : value;
  else if (field === "event") event.name = value;
  else if (field === "id") event.id = value;
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      for (const part of parts) yield part.replace(/\r$/, "");
    }
  } finally {
    reader.cancel().catch(() => {}); // of a stream that broke, there is nothing to be said
  }
}
