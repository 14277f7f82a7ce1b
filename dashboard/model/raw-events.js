/** The events of a session as they are, in their order: what the conversation is made of. */

/** Takes pages and single events like the conversation's line, and gives them unchanged. */
export class RawEvents {
  #events = [];

  get firstSeq() {
    return this.#events[0]?.seq ?? 0;
  }

  get lastSeq() {
    return this.#events.at(-1)?.seq ?? 0;
  }

  append(events) {
    this.#events = [...this.#events, ...events.filter((event) => event.seq > this.lastSeq)];
  }

  prepend(events) {
    this.#events = [...events, ...this.#events];
  }

  snapshot() {
    return this.#events;
  }
}
