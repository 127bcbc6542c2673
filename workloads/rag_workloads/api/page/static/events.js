// What becomes of documents, as it happens; a connection that is lost is found again, and misses nothing.

import { Refused, request } from "./api.js";
import { readEvents } from "./streams.js";

// The API says "alive" every 15 seconds.
const SILENCE = 40_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

/** Follows all documents for good: `told` gets each event, `lost` is called where some may not have been told, as
 * they came before the stream began or cannot be had any more, and `state` hears whether the connection is
 * "found", "lost", or "refused" for good. */
export async function follow({ told, lost, state }) {
  let last = "";
  let wait = FIRST_PAUSE;
  for (;;) {
    try {
      for await (const { id, name, data } of connected(last, () => state("found"))) {
        wait = FIRST_PAUSE;
        const begun = id && !last;
        if (id) last = id;
        if (begun || name === "reset") lost();
        else if (data) told(JSON.parse(data));
      }
    } catch (error) {
      if (error instanceof Refused && error.status === 403) return state("refused");
      state("lost");
    }
    await pauseUnlessOnline(wait);
    wait = Math.min(2 * wait, LONGEST_PAUSE);
  }
}

async function* connected(last, found) {
  const control = new AbortController();
  const giveUp = () => control.abort();
  let silence = setTimeout(giveUp, SILENCE);
  addEventListener("offline", giveUp);
  try {
    const headers = last ? { "Last-Event-ID": last } : {};
    const answer = await request("api/v1/events", { headers, signal: control.signal });
    found();
    for await (const event of readEvents(answer)) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, SILENCE);
      yield event;
    }
  } finally {
    clearTimeout(silence);
    removeEventListener("offline", giveUp);
  }
}

function pauseUnlessOnline(milliseconds) {
  const signal = AbortSignal.timeout(milliseconds);
  return new Promise((resolve) => {
    signal.addEventListener("abort", resolve);
    addEventListener("online", resolve, { signal });
  });
}
