/** Makes a conversation out of events: pure, and able to grow at both ends without looking at the rest again. */
import { capital } from "./capital.js";
import { callbackWords } from "./reasons.js";
import { createSettling } from "./settled.js";

const LINES_PER_BLOCK = 200;
const REPEATED_WITHIN = 8;

/**
 * Items have a `kind`: `user`, `agent`, `tool`, `question`, `result`, `run`, `failure`, `note`; and a `key` that stays theirs: the
 * number of the event that made them (half of one less for a run), so items stand in the order of their keys.
 * There is a new object for each changed item, so that views can compare; `snapshot()` is a new array.
 */
export class Timeline {
  constructor({ backend = "" } = {}) {
    this.items = [];
    this.firstSeq = null;
    this.lastSeq = 0;
    this.backend = backend;
    this.settle = createSettling();
    // Each by its id, with the item's key: keys stay when items before them come or go.
    this.begun = new Map();
    this.runs = new Map();
    this.endsAlone = new Map();
    this.requeuedBeforeRun = [];
  }

  snapshot() {
    return this.settle(this.items);
  }

  /** Adds newer events; those that are here already are left out. */
  append(events) {
    const before = this.lastSeq;
    for (const event of events) {
      if (event.seq <= this.lastSeq) continue;
      this.firstSeq ??= event.seq;
      this.lastSeq = event.seq;
      TAKERS[event.type]?.(this, event);
    }
    return this.lastSeq !== before;
  }

  /** Adds older events before those that are here; only they are read, and what they explain is mended. */
  prepend(events) {
    const older = new Timeline({ backend: this.backend });
    older.append(this.firstSeq === null ? events : events.filter((event) => event.seq < this.firstSeq));
    if (older.firstSeq === null) return;
    this.#hideRepeats(older);
    const joined = new Set([...this.#joinEnds(older), ...this.#joinRuns(older)]);
    const notes = this.#requeuedNotes(older);
    this.items = older.items.concat(joined.size ? this.items.filter((item) => !joined.has(item.key)) : this.items);
    for (const note of notes) this.items.splice(this.indexOf(note.key), 0, note);
    this.begun = new Map([...older.begun, ...this.begun]);
    this.runs = new Map([...this.runs, ...older.runs]);
    this.endsAlone = new Map([...this.endsAlone, ...older.endsAlone]);
    this.requeuedBeforeRun = older.requeuedBeforeRun.concat(this.requeuedBeforeRun);
    this.firstSeq = older.firstSeq;
    this.lastSeq = Math.max(this.lastSeq, older.lastSeq);
  }

  /** The end of a call or of a question that came without its beginning belongs to the beginning. */
  #joinEnds(older) {
    const joined = [];
    for (const [id, key] of this.endsAlone) {
      const begun = older.begun.get(id);
      if (begun === undefined) continue;
      older.change(begun, this.get(key).end);
      this.endsAlone.delete(id);
      joined.push(key);
    }
    return joined;
  }

  /** A run stands where it began. */
  #joinRuns(older) {
    const joined = [];
    for (const [jobId, begun] of older.runs) {
      if (this.requeuedBeforeRun.some((event) => event.job_id === jobId)) older.change(begun, REQUEUED);
      const key = this.runs.get(jobId);
      if (key === undefined) continue;
      const { key: _key, at: _at, jobId: _job, attempt: _attempt, ...changes } = this.get(key);
      older.change(begun, changes);
      joined.push(key);
    }
    return joined;
  }

  #requeuedNotes(older) {
    const known = this.requeuedBeforeRun.filter((event) => older.runs.has(event.job_id));
    this.requeuedBeforeRun = this.requeuedBeforeRun.filter((event) => !known.includes(event));
    return known.map((event) => itemOf(event, requeuedNote(event)));
  }

  /** An agent's last words are often its result: they are shown once. */
  #hideRepeats(older) {
    this.items.slice(0, REPEATED_WITHIN).forEach((item, index) => {
      if (item.kind !== "result" || !item.text) return;
      if (saysAlready(older.items.slice(index - REPEATED_WITHIN), item.text)) this.items[index] = { ...item, text: "" };
    });
  }

  /** Where the item of a key stands, or would. */
  indexOf(key) {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(key) {
    return this.items[this.indexOf(key)];
  }

  add(event, item) {
    const made = itemOf(event, item);
    this.items.push(made);
    return made.key;
  }

  change(key, changes) {
    const index = this.indexOf(key);
    this.items[index] = { ...this.items[index], ...changes };
  }

  begin(id, event, item) {
    this.begun.set(id, this.add(event, item));
  }

  /** Ends what began under an id; what has no beginning here stands for itself until that is read. */
  end(id, event, item, end) {
    const key = this.begun.get(id);
    if (key === undefined) this.endsAlone.set(id, this.add(event, { ...item, ...end, end }));
    else this.change(key, end);
  }

  run(event, changes) {
    const key = this.runs.get(event.job_id);
    if (key === undefined) this.runs.set(event.job_id, this.add(event, { kind: "run", ...changes }));
    else this.change(key, changes);
  }
}

// The event that makes a run known may say something of its own: the run stands before it.
const itemOf = (event, item) => ({
  key: item.kind === "run" ? event.seq - 0.5 : event.seq,
  at: event.at,
  jobId: event.job_id,
  attempt: event.attempt,
  ...item,
});
const saysAlready = (items, text) => items.some((item) => item.kind === "agent" && item.text.trim() === text.trim());

const REQUEUED = { state: "pending", endedAt: null };
const note = (tone, text, { link, about } = {}) => ({ kind: "note", tone, text, link, about });
const requeuedNote = (event) => note("quiet", `Queued again as attempt ${(event.attempt ?? 0) + 1}`);

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
    const last = line.items.at(-1);
    // A program's output comes line by line; read as one text it is a document.
    if (line.backend === "command" && last?.kind === "agent" && last.jobId === event.job_id && last.lines < LINES_PER_BLOCK) {
      line.change(last.key, { text: `${last.text}\n${text}`, lines: last.lines + 1 });
    } else {
      line.add(event, { kind: "agent", text, lines: 1, plain: line.backend === "command" });
    }
  },
  pre_tool(line, event) {
    const { tool_call_id: id, tool, input } = event.data;
    line.begin(id, event, { kind: "tool", tool, input, state: "running" });
  },
  post_tool(line, event) {
    const { tool_call_id: id, tool, output, is_error: failed } = event.data;
    line.end(id, event, { kind: "tool", tool, input: null }, { output, state: failed ? "failed" : "completed", endedAt: event.at });
  },
  "question.asked"(line, event) {
    const { question_id: id, tool } = event.data;
    line.begin(id, event, { kind: "question", questionId: id, tool, state: "open" });
  },
  "question.answered": settleQuestion,
  "question.expired": settleQuestion,
  "question.withdrawn": settleQuestion,
  verification(line, event) {
    const { command = [], passed, output, error } = event.data;
    const printed = [output, error].filter(Boolean).join("\n");
    const done = { output: printed, state: passed ? "completed" : "failed", endedAt: event.at };
    line.add(event, { kind: "tool", tool: passed ? "Verified" : "Not verified", input: { command: command.join(" ") }, ...done });
  },
  result(line, event) {
    const { text = "", usage, cost_usd: cost, model_calls: calls, is_error: failed } = event.data;
    const repeats = saysAlready(line.items.slice(-REPEATED_WITHIN), text);
    const asks = event.data.waiting_input === true;
    line.add(event, { kind: "result", text: repeats ? "" : text, usage, cost, calls, failed, asks, plain: line.backend === "command" });
  },
  "job.started"(line, event) {
    const begun = { startedAt: event.at, endedAt: null, launcherId: event.data.launcher_id, ran: event.attempt };
    line.run(event, { state: "running", ...begun });
  },
  "job.completed": (line, event) => line.run(event, { state: "completed", endedAt: event.at }),
  "job.stopped"(line, event) {
    line.run(event, { state: "stopped", endedAt: event.at });
    const words = event.data.reason === "stopped_by_parent" ? "Stopped by the parent session" : "Stopped";
    line.add(event, note("quiet", words, { about: "stopped" }));
  },
  "job.failed"(line, event) {
    line.run(event, { state: "failed", endedAt: event.at });
    line.add(event, { kind: "failure", reason: event.data.reason, text: event.data.error ?? "" });
  },
  "job.lost"(line, event) {
    line.run(event, { state: "lost", lostAt: event.at });
    line.add(event, note("lost", LOST, { about: "lost" }));
  },
  "job.healed"(line, event) {
    line.run(event, { state: event.data.status ?? "running" });
    line.add(event, note("finished", "Healed: the launcher came back and knows what became of it"));
  },
  "job.requeued"(line, event) {
    // What was handed back before it ran has left no trace that a reader would miss; if it ran, older events say so.
    if (!line.runs.has(event.job_id)) return void line.requeuedBeforeRun.push(event);
    line.run(event, REQUEUED);
    line.add(event, requeuedNote(event));
  },
  "job.held": (line, event) => line.add(event, note("quiet", "Held: it waits until somebody lifts the hold")),
  "job.hold_lifted": (line, event) => line.add(event, note("quiet", "The hold was lifted")),
  "job.stop_requested": (line, event) => line.add(event, note("quiet", "Stop requested", { about: "stop requested" })),
  "session.budget_exceeded"(line, event) {
    const { limit, allowed, spent } = event.data;
    line.add(event, note("lost", `Budget reached: ${limit} of ${allowed}, spent ${spent}`));
  },
  "session.children_running"(line, event) {
    line.add(event, note("quiet", `Ended while children run: ${(event.data.children ?? []).join(", ")}`));
  },
  "session.stalled": (line, event) => line.add(event, note("lost", event.data.detail)),
  "session.stirred": (line, event) => line.add(event, note("quiet", capital(event.data.detail))),
  "session.looped": (line, event) => line.add(event, note("lost", `Goes round: ${event.data.detail}`)),
  "callback.delivered"(line, event) {
    const { child_session_name: child } = event.data;
    line.add(event, note("running", `News of ${child ?? "a child"} was delivered`, { link: child }));
  },
  "callback.expired"(line, event) {
    const { child_session_name: child, reason } = event.data;
    const words = reason ? callbackWords(reason) : "expired";
    line.add(event, note("lost", `News of ${child ?? "a child"} was not delivered: ${words}`, { link: child }));
  },
};

function settleQuestion(line, event) {
  const { question_id: id, tool, status, answered_by: by, decision } = event.data;
  line.end(id, event, { kind: "question", questionId: id, tool }, { state: status, by, decision, endedAt: event.at });
}

const LOST =
  "Lost: its launcher no longer proves that it runs. It may still be alive, so nothing is started in its place; " +
  "if it comes back, it heals.";
