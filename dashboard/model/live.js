/**
 * The event stream: read with fetch, because the page must see a 401 and must notice a stream that fell silent.
 * It resumes behind the last event it has seen; a `gap` from the runtime means "read everything again".
 */
import { address } from "./api.js";

const SILENCE_MS = 45_000;
const RETRY_MS = [250, 500, 1000, 2000, 4000, 5000];
const HIDDEN_GRACE_MS = 30_000;

/**
 * Follows the events of a filter until `close()`.
 * @param {object} options
 * @param {Record<string, string>} options.filter  `session`, `tree`, `types` as the runtime knows them
 * @param {number|null} options.after  the last sequence number seen, or null for "from now on"
 * @param {(event: object) => void} options.onEvent
 * @param {() => void} options.onGap  events are missing: read again
 * @param {(state: {state: string, since?: number}) => void} [options.onState]
 * @param {() => boolean} [options.keepWhileHidden]
 */
export function follow({ filter, after, onEvent, onGap, onState = () => {}, keepWhileHidden = () => false }) {
  let last = after;
  let failures = 0;
  let opened = null;
  let planned = 0;
  let grace = 0;
  let closed = false;
  let seenOpen = false;
  let cutAt = null;

  async function open() {
    clearTimeout(planned);
    opened?.abort();
    const own = (opened = new AbortController());
    const silence = watchSilence(() => own.abort());
    if (!seenOpen) onState({ state: "connecting" });
    try {
      const query = { ...filter, ...(last === null ? {} : { after: last }) };
      const answer = await fetch(address("events/stream", query), { signal: own.signal, credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) return onState({ state: "unauthorized" });
      if (!answer.ok || !answer.body) throw new Error(`stream answered ${answer.status}`);
      failures = 0;
      cutAt = null;
      seenOpen = true;
      onState({ state: "live" });
      await readMessages(answer.body, { heard: silence.heard, onMessage: receive });
      throw new Error("stream ended");
    } catch {
      if (closed || own !== opened) return;
      retry();
    } finally {
      silence.end();
    }
  }

  function receive({ type, id, data }) {
    if (id && Number.isFinite(Number(id))) last = Math.max(last ?? 0, Number(id));
    if (type === "gap") return onGap();
    if (!data) return;
    const event = JSON.parse(data);
    if (typeof event.seq === "number") last = Math.max(last ?? 0, event.seq);
    if (event.type) onEvent(event);
  }

  function retry() {
    opened = null;
    const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
    failures += 1;
    cutAt ??= Date.now();
    // The first cut is often over at once; only a second one is worth a word on the screen.
    if (failures > 1) onState({ state: "retrying", since: cutAt });
    planned = setTimeout(open, wait);
  }

  // A browser gives one host six connections, shared by all tabs: hidden tabs let go of theirs.
  function visibility() {
    clearTimeout(grace);
    if (!document.hidden) {
      if (!opened) open();
      return;
    }
    grace = setTimeout(() => {
      if (keepWhileHidden()) return;
      clearTimeout(planned);
      const gone = opened;
      opened = null;
      gone?.abort();
    }, HIDDEN_GRACE_MS);
  }

  const online = () => open();
  document.addEventListener("visibilitychange", visibility);
  addEventListener("online", online);
  open();

  return {
    close() {
      closed = true;
      clearTimeout(planned);
      clearTimeout(grace);
      opened?.abort();
      document.removeEventListener("visibilitychange", visibility);
      removeEventListener("online", online);
    },
  };
}

function watchSilence(onSilence) {
  let timer = setTimeout(onSilence, SILENCE_MS);
  return {
    heard() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE_MS);
    },
    end: () => clearTimeout(timer),
  };
}

async function readMessages(body, { heard, onMessage }) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const message = parseMessage(block);
      if (message) onMessage(message);
    }
  }
}

/** Reads one block of a server-sent event stream; comments alone give nothing. */
export function parseMessage(block) {
  const message = { type: "message", id: "", data: "" };
  let found = false;
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") message.type = value;
    else if (field === "id") message.id = value;
    else if (field === "data") message.data += message.data ? `\n${value}` : value;
    else continue;
    found = true;
  }
  return found ? message : null;
}
