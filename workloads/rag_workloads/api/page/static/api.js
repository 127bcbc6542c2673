// Requests to the API: with the key, and with its refusals as errors.

import { askForKey, authorization } from "./key.js";

/** What the API refused, as RFC 9457 says it; `type` is the last part of its URN. */
export class Refused extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
    this.type = (problem.type ?? "").split(":").pop();
    this.retryAfter = retryAfter;
  }
}

/** The answer to a request; Refused if it is an error, TypeError if there is none. */
export async function request(path, { headers = {}, ...options } = {}) {
  for (;;) {
    const allowed = authorization();
    const answer = await fetch(path, { ...options, headers: { ...headers, ...allowed } });
    if (answer.ok) return answer;
    if (answer.status !== 401) throw await refusal(answer);
    await askForKey(allowed.Authorization);
  }
}

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return (await request(`${path}?${query}`)).json();
}

/** Sends a form, and tells of the share that is sent; fetch cannot do this yet. */
export async function upload(path, form, sent) {
  for (;;) {
    const allowed = authorization();
    const answer = await send(path, form, allowed, sent);
    const body = parsed(answer.responseText);
    if (answer.status < 300) return body;
    if (answer.status !== 401) throw new Refused(answer.status, body, answer.getResponseHeader("Retry-After"));
    await askForKey(allowed.Authorization);
  }
}

function send(path, form, headers, sent) {
  const call = new XMLHttpRequest();
  call.open("POST", path);
  Object.entries(headers).forEach(([name, value]) => call.setRequestHeader(name, value));
  call.upload.addEventListener("progress", ({ loaded, total }) => sent(loaded / total));
  return new Promise((resolve, reject) => {
    call.addEventListener("load", () => resolve(call));
    call.addEventListener("error", () => reject(new TypeError("the connection was lost")));
    call.send(form);
  });
}

async function refusal(answer) {
  return new Refused(answer.status, parsed(await answer.text()), answer.headers.get("Retry-After"));
}

/** A proxy before the API may answer with something else than JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

export const documentPath = (id, rest = "") => `api/v1/documents/${encodeURIComponent(id)}${rest}`;
