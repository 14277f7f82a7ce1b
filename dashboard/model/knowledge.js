/**
 * Keeps the store true: reads what the page needs, follows the news, and reads again what an event says has changed.
 * An event changes the screen at once with what it tells; the re-read that follows corrects it.
 */
import { follow } from "./live.js";
import { onceSoon } from "./soon.js";

/** The runtime's own words, and ends of turns; what agents say meanwhile is followed only where it is shown. */
export const NEWS_TYPES = [
  "result",
  ...["created", "claimed", "started", "completed", "failed", "stopped", "lost", "healed", "requeued", "declined", "stop_requested", "edited", "held", "hold_lifted"].map((word) => `job.${word}`),
  ...["created", "updated", "deleted", "budget_exceeded", "children_running"].map((word) => `session.${word}`),
  ...["registered", "lost", "gone", "draining", "resumed", "alive"].map((word) => `launcher.${word}`),
  ...["created", "updated", "deleted", "activated", "deactivated"].map((word) => `agent.${word}`),
  ...["created", "ready", "pending", "delivered", "consumed", "expired"].map((word) => `callback.${word}`),
];

const STATUS_AFTER = {
  "job.created": "pending",
  "job.requeued": "pending",
  "job.started": "running",
  "job.healed": "running",
  "job.completed": "finished",
  "job.failed": "failed",
  "job.stopped": "stopped",
  "job.lost": "lost",
};
const MOVING = new Set(["running", "lost"]);
const BUSY = new Set(["pending", "running", "lost"]);
const READ_AGAIN_MS = 150;
const READ_AT_ONCE = 4;
const MANY = 40;
const EVIDENCE_MS = 15_000;

/** Makes the page's knowledge; nothing is read before `start()`. */
export function createKnowledge({ api, store, now, notify }) {
  const changed = new Set();
  const watchers = new Set();
  let reading = false;

  const readAt = (things) => things.map((thing) => ({ ...thing, readAt: now() }));

  function learn(sessions) {
    store.set((state) => {
      const known = new Map(state.sessions);
      for (const session of readAt(sessions)) known.set(session.session_id, session);
      return { sessions: known };
    });
  }

  function forget(id) {
    store.set((state) => {
      const known = new Map(state.sessions);
      known.delete(id);
      return { sessions: known };
    });
  }

  async function readSession(name) {
    const { session } = await api.get(api.session(name));
    learn([session]);
    return session;
  }

  async function readChanged() {
    if (reading) return;
    reading = true;
    while (changed.size) {
      await new Promise((done) => setTimeout(done, READ_AGAIN_MS));
      if (changed.size > MANY) await readMany();
      const some = [...changed].slice(0, READ_AT_ONCE);
      some.forEach((id) => changed.delete(id));
      await Promise.all(some.map((id) => readSession(id).catch((error) => error.status === 404 && forget(id))));
    }
    reading = false;
  }

  async function readMany() {
    const { sessions } = await api.get("sessions", { limit: 200 }).catch(() => ({ sessions: [] }));
    for (const session of sessions) changed.delete(session.session_id);
    learn(sessions);
  }

  async function readLaunchers() {
    const launchers = readAt((await api.get("launchers")).launchers);
    const proofs = new Map(launchers.map((launcher) => [launcher.launcher_id, launcher.proof_age_seconds]));
    store.set((state) => ({ launchers, sessions: withEvidence(state.sessions, proofs) }));
  }

  /** A launcher's sign of life is one for each session that it runs. */
  function withEvidence(sessions, proofs) {
    let fresh = sessions;
    for (const [id, session] of sessions) {
      const proof = MOVING.has(session.status) ? proofs.get(session.launcher_id) : undefined;
      if (proof === undefined || proof === null) continue;
      if (fresh === sessions) fresh = new Map(sessions);
      fresh.set(id, { ...session, proof_age_seconds: proof, readAt: now() });
    }
    return fresh;
  }

  const readAgents = async () => store.set({ agents: (await api.get("agents")).agents });

  const readQueue = async () => store.set({ waiting: (await api.get("jobs", { order: "run", limit: 1 })).waiting });

  const quietly = (read) => () => read().catch(() => {});
  const soon = (read) => onceSoon(quietly(read), READ_AGAIN_MS);
  const later = { launchers: soon(readLaunchers), queue: soon(readQueue), agents: soon(readAgents) };

  function heard(event) {
    if (event.session_id) apply(event);
    if (event.type.startsWith("job.")) later.queue();
    if (event.type.startsWith("launcher.") || /^job\.(started|completed|failed|stopped|lost|healed)$/.test(event.type)) later.launchers();
    if (event.type.startsWith("agent.")) later.agents();
    for (const watcher of watchers) watcher(event);
  }

  function apply(event) {
    if (event.type === "session.deleted") {
      changed.delete(event.session_id);
      return forget(event.session_id);
    }
    const before = store.get().sessions.get(event.session_id);
    if (before) {
      const after = afterEvent(before, event, now());
      if (after !== before) {
        store.set((state) => ({ sessions: new Map(state.sessions).set(event.session_id, after) }));
        if (after.status !== before.status) notify(after);
      }
    }
    changed.add(event.session_id);
    readChanged();
    return undefined;
  }

  function readEverything() {
    later.launchers();
    later.queue();
    later.agents();
    for (const id of store.get().sessions.keys()) changed.add(id);
    readChanged();
    for (const watcher of watchers) watcher({ type: "gap" });
  }

  return {
    learn,
    forget,
    readSession,
    readLaunchers,
    readAgents,
    readQueue,
    /** Hears each piece of news, and `{type: "gap"}` when some were missed. */
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    start({ keepWhileHidden }) {
      setInterval(() => !document.hidden && later.launchers(), EVIDENCE_MS);
      return follow({
        filter: { types: NEWS_TYPES.join(",") },
        after: null,
        onEvent: heard,
        onGap: readEverything,
        onState: (link) => store.set({ link }),
        keepWhileHidden,
      });
    },
  };
}

/** What a session looks like right after an event; the same object if the event changes nothing that is shown. */
export function afterEvent(session, event, readAt) {
  const status = event.data.waiting_input === true ? "waiting_input" : STATUS_AFTER[event.type];
  if (!status) return session;
  // A message for a busy session waits behind the running one and does not change what the session does.
  if (event.type === "job.created" && BUSY.has(session.status)) return { ...session, queued_jobs: (session.queued_jobs ?? 0) + 1 };
  const proof = event.type === "job.started" || event.type === "job.healed" ? { proof_age_seconds: 0, launcher_id: event.data.launcher_id ?? session.launcher_id } : {};
  return { ...session, ...proof, status, readAt, updated_at: event.at, last_event_at: event.at };
}
