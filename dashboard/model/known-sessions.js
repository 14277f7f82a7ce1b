/** The sessions that the page knows: learnt, changed by what happens, read again when they may have changed. */
import { createShownSessions } from "./shown-sessions.js";

const STATUS_AFTER = {
  "job.created": "pending",
  "job.requeued": "pending",
  "job.started": "running",
  "job.healed": "running",
  "job.completed": "finished",
  "job.failed": "failed",
  "job.stopped": "stopped",
  "job.lost": "lost",
  "question.asked": "waiting_input",
};
const BUSY = new Set(["pending", "running", "lost"]);
const READ_AGAIN_MS = 150;
const READ_AT_ONCE = 4;
const MANY = 40;

/** Keeps the store's `sessions`; `notify` is called with one whose status an event has changed. */
export function createKnownSessions({ api, store, now, notify }) {
  const shown = createShownSessions({ store, now });
  const changed = new Set();
  let reading = false;

  function forget(id) {
    changed.delete(id);
    shown.forget(id);
  }

  async function read(name) {
    const learn = shown.asking();
    const { session } = await api.get(api.session(name));
    learn([session]);
    return session;
  }

  async function readMany() {
    const learn = shown.asking();
    const { sessions } = await api.get("sessions", { limit: 200 }).catch(() => ({ sessions: [] }));
    for (const session of learn(sessions)) changed.delete(session.session_id);
  }

  async function readAgain(ids) {
    for (const id of ids) changed.add(id);
    if (reading) return;
    reading = true;
    while (changed.size) {
      await new Promise((done) => setTimeout(done, READ_AGAIN_MS));
      if (changed.size > MANY) await readMany();
      const some = [...changed].slice(0, READ_AT_ONCE);
      some.forEach((id) => changed.delete(id));
      await Promise.all(some.map((id) => read(id).catch((error) => error.status === 404 && forget(id))));
    }
    reading = false;
  }

  /** Changes the session of an event at once, and has it read again. */
  function apply(event) {
    if (event.type === "session.deleted") return forget(event.session_id);
    const before = store.get().sessions.get(event.session_id);
    const after = before && afterEvent(before, event, now());
    if (after !== before) shown.show(after);
    // A question is told of by itself.
    if (after?.status !== before?.status && event.type !== "question.asked") notify(after);
    readAgain([event.session_id]);
    return undefined;
  }

  /** Shows what is about to be true, whatever is read meanwhile, until the returned function reads what is. */
  function hope(session, hopes) {
    shown.hope({ ...session, ...hopes });
    return () => {
      shown.hopeNoMore(session.session_id);
      return read(session.session_id).catch(() => {});
    };
  }

  return { hope, asking: shown.asking, forget, read, readAgain, apply };
}

/** What a session looks like right after an event; the same object if the event changes nothing that is shown. */
export function afterEvent(session, event, readAt) {
  const status = event.data.waiting_input === true ? "waiting_input" : STATUS_AFTER[event.type];
  if (!status) return session;
  // A message for a busy session waits behind the running one and does not change what the session does.
  if (event.type === "job.created" && BUSY.has(session.status)) {
    return { ...session, queued_jobs: (session.queued_jobs ?? 0) + 1 };
  }
  const isSign = event.type === "job.started" || event.type === "job.healed";
  const sign = isSign ? { proof_age_seconds: 0, readAt, launcher_id: event.data.launcher_id ?? session.launcher_id } : {};
  const { reason = event.type === "question.asked" ? "not_answered" : null, error = null } = event.data;
  const cause = { reason, reason_detail: error, reason_job_id: event.job_id, stopping: false };
  return { ...session, ...sign, ...cause, status, updated_at: event.at };
}

/**
 * The sessions with their launchers' newest signs of life: one is a sign for each session that the launcher runs. Of a
 * lost one it says since when there is silence, unless the launcher is back and does not know it.
 */
export function withSigns(sessions, launchers, readAt) {
  const known = new Map(launchers.map((launcher) => [launcher.launcher_id, launcher]));
  let fresh = sessions;
  for (const [id, session] of sessions) {
    const launcher = known.get(session.launcher_id);
    const isSign = session.status === "running" || (session.status === "lost" && launcher?.status !== "alive");
    if (!launcher || !isSign) continue;
    if (fresh === sessions) fresh = new Map(sessions);
    fresh.set(id, { ...session, proof_age_seconds: launcher.proof_age_seconds, readAt });
  }
  return fresh;
}
