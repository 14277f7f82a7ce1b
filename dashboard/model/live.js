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
export const follow = (options) => new EventStream(options);

class EventStream {
  #failures = 0;
  #opened = null;
  #planned = 0;
  #grace = 0;
  #closed = false;
  #seenOpen = false;
  #cutAt = null;

  constructor({ filter, after, onEvent, onGap, onState = () => {}, keepWhileHidden = () => false }) {
    this.filter = filter;
    this.last = after;
    this.listeners = { onEvent, onGap, onState };
    this.keepWhileHidden = keepWhileHidden;
    document.addEventListener("visibilitychange", this.#onVisibility);
    addEventListener("online", this.#open);
    this.#open();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#planned);
    clearTimeout(this.#grace);
    this.#opened?.abort();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    removeEventListener("online", this.#open);
  }

  #open = async () => {
    clearTimeout(this.#planned);
    this.#opened?.abort();
    const own = (this.#opened = new AbortController());
    const silence = watchSilence(() => own.abort());
    if (!this.#seenOpen) this.listeners.onState({ state: "connecting" });
    try {
      const answer = await this.#ask(own.signal);
      if (answer.status === 401 || answer.status === 403) return this.listeners.onState({ state: "unauthorized" });
      if (!answer.ok || !answer.body) throw new Error(`stream answered ${answer.status}`);
      this.#failures = 0;
      this.#cutAt = null;
      this.#seenOpen = true;
      this.listeners.onState({ state: "live" });
      await readMessages(answer.body, { heard: silence.heard, onMessage: (message) => this.#receive(message) });
      throw new Error("stream ended");
    } catch {
      if (!this.#closed && own === this.#opened) this.#retry();
    } finally {
      silence.end();
    }
    return undefined;
  };

  #ask(signal) {
    const query = { ...this.filter, ...(this.last === null ? {} : { after: this.last }) };
    return fetch(address("events/stream", query), { signal, credentials: "same-origin" });
  }

  #receive({ type, id, data }) {
    if (id && Number.isFinite(Number(id))) this.last = Math.max(this.last ?? 0, Number(id));
    if (type === "gap") return this.listeners.onGap();
    if (!data) return undefined;
    const event = JSON.parse(data);
    if (typeof event.seq === "number") this.last = Math.max(this.last ?? 0, event.seq);
    if (event.type) this.listeners.onEvent(event);
    return undefined;
  }

  #retry() {
    this.#opened = null;
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#cutAt ??= Date.now();
    // The first cut is often over at once; only a second one is worth a word on the screen.
    if (this.#failures > 1) this.listeners.onState({ state: "retrying", since: this.#cutAt });
    this.#planned = setTimeout(this.#open, wait);
  }

  // A browser gives one host six connections, shared by all tabs: hidden tabs let go of theirs.
  #onVisibility = () => {
    clearTimeout(this.#grace);
    if (!document.hidden) {
      if (!this.#opened) this.#open();
      return;
    }
    this.#grace = setTimeout(() => {
      if (this.keepWhileHidden()) return;
      clearTimeout(this.#planned);
      const gone = this.#opened;
      this.#opened = null;
      gone?.abort();
    }, HIDDEN_GRACE_MS);
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
