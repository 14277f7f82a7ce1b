/** Makes a conversation out of events: pure, and able to go on where it was when the next event comes. */

const LINES_PER_BLOCK = 200;

/**
 * Items have a `kind`: `user`, `agent`, `tool`, `result`, `run`, `failure`, `note`; and a `key` that stays theirs.
 * A new array is made for each change, and a new object for each changed item, so that views can compare.
 */
export class Timeline {
  constructor() {
    this.events = [];
    this.items = [];
    this.clear();
  }

  clear() {
    this.items = [];
    this.toolAt = new Map();
    this.runAt = new Map();
    this.backend = "";
    this.lastText = "";
  }

  get firstSeq() {
    return this.events[0]?.seq ?? null;
  }

  get lastSeq() {
    return this.events.at(-1)?.seq ?? 0;
  }

  /** Adds newer events; those that are here already are left out. */
  append(events) {
    const newer = events.filter((event) => event.seq > this.lastSeq);
    if (!newer.length) return false;
    this.events = this.events.concat(newer);
    this.items = this.items.slice();
    for (const event of newer) this.#take(event);
    return true;
  }

  /** Adds older events before those that are here. */
  prepend(events) {
    const older = events.filter((event) => this.firstSeq === null || event.seq < this.firstSeq);
    this.events = older.concat(this.events);
    this.clear();
    for (const event of this.events) this.#take(event);
  }

  #take(event) {
    const take = TAKERS[event.type];
    if (take) take(this, event);
  }

  add(event, item) {
    this.items.push({ key: event.seq, at: event.at, jobId: event.job_id, attempt: event.attempt, ...item });
    return this.items.length - 1;
  }

  change(index, changes) {
    this.items[index] = { ...this.items[index], ...changes };
  }

  run(event, changes) {
    const index = this.runAt.get(event.job_id);
    if (index === undefined) this.runAt.set(event.job_id, this.add(event, { kind: "run", ...changes }));
    else this.change(index, changes);
  }
}

const TAKERS = {
  session_start(line, { data }) {
    line.backend = data.backend ?? "";
  },
  message(line, event) {
    const { role, text = "" } = event.data;
    if (role === "user") {
      line.add(event, { kind: "user", text });
      return;
    }
    line.lastText = text;
    const last = line.items.at(-1);
    // A program's output comes line by line; read as one text it is a document.
    if (line.backend === "command" && last?.kind === "agent" && last.jobId === event.job_id && last.lines < LINES_PER_BLOCK) {
      line.change(line.items.length - 1, { text: `${last.text}\n${text}`, lines: last.lines + 1 });
    } else {
      line.add(event, { kind: "agent", text, lines: 1 });
    }
  },
  pre_tool(line, event) {
    const { tool_call_id: id, tool, input } = event.data;
    line.toolAt.set(id, line.add(event, { kind: "tool", tool, input, state: "running" }));
  },
  post_tool(line, event) {
    const { tool_call_id: id, tool, output, is_error: failed } = event.data;
    const done = { output, state: failed ? "failed" : "completed", endedAt: event.at };
    const index = line.toolAt.get(id);
    if (index === undefined) line.add(event, { kind: "tool", tool, input: null, ...done });
    else line.change(index, done);
  },
  result(line, event) {
    const { text = "", usage, cost_usd: cost, turns, is_error: failed } = event.data;
    const repeats = line.items.slice(-8).some((item) => item.kind === "agent" && item.text.trim() === text.trim());
    line.add(event, { kind: "result", text: repeats ? "" : text, usage, cost, turns, failed });
  },
  "job.started": (line, event) => line.run(event, { state: "running", startedAt: event.at, endedAt: null, launcherId: event.data.launcher_id }),
  "job.completed": (line, event) => line.run(event, { state: "completed", endedAt: event.at }),
  "job.stopped"(line, event) {
    line.run(event, { state: "stopped", endedAt: event.at });
    line.add(event, { kind: "note", tone: "quiet", text: event.data.reason === "stopped_by_parent" ? "Stopped by the parent session" : "Stopped" });
  },
  "job.failed"(line, event) {
    line.run(event, { state: "failed", endedAt: event.at });
    line.add(event, { kind: "failure", reason: event.data.reason, text: event.data.error ?? "" });
  },
  "job.lost"(line, event) {
    line.run(event, { state: "lost" });
    line.add(event, { kind: "note", tone: "lost", text: "Lost: its launcher no longer proves that it runs. It may still be alive, so nothing is started in its place; if it comes back, it heals." });
  },
  "job.healed"(line, event) {
    line.run(event, { state: event.data.status ?? "running" });
    line.add(event, { kind: "note", tone: "finished", text: "Healed: the launcher came back and knows what became of it" });
  },
  "job.requeued"(line, event) {
    // What was handed back before it ran has left no trace that a reader would miss.
    if (!line.runAt.has(event.job_id)) return;
    line.run(event, { state: "pending", endedAt: null });
    line.add(event, { kind: "note", tone: "quiet", text: `Queued again as attempt ${(event.attempt ?? 0) + 1}` });
  },
  "job.stop_requested": (line, event) => line.add(event, { kind: "note", tone: "quiet", text: "Stop requested" }),
  "session.budget_exceeded": (line, event) => line.add(event, { kind: "note", tone: "lost", text: `Budget reached: ${event.data.limit} of ${event.data.allowed}, spent ${event.data.spent}` }),
  "session.children_running": (line, event) => line.add(event, { kind: "note", tone: "quiet", text: `Ended while children run: ${(event.data.children ?? []).join(", ")}` }),
  "callback.delivered": (line, event) => line.add(event, { kind: "note", tone: "running", text: `News of ${event.data.child_session_name ?? "a child"} was delivered`, link: event.data.child_session_name }),
  "callback.expired": (line, event) => line.add(event, { kind: "note", tone: "lost", text: `News of ${event.data.child_session_name ?? "a child"} was not delivered: ${event.data.reason ?? "expired"}`, link: event.data.child_session_name }),
};

const SUMMARY_KEYS = ["command", "pattern", "query", "url", "file_path", "path", "description", "prompt", "session_name", "name"];

/** One line that says what a tool call is about. */
export function toolSummary(input) {
  if (input === null || input === undefined) return "";
  if (typeof input !== "object") return String(input);
  const key = SUMMARY_KEYS.find((name) => typeof input[name] === "string" && input[name]);
  if (key) return input[key].split("\n")[0];
  const entries = Object.entries(input);
  return entries.length ? entries.map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ").slice(0, 200) : "";
}
