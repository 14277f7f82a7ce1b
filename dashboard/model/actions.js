/** What a person can do; each asks the runtime, shows what it hopes for at once, and lets the truth correct it. */
import { sentence } from "./api.js";
import { orderWords } from "./news.js";

let toastNumber = 0;

const SHOWN_MS = 5000;
const UNDO_MS = 12_000;

/** Short sentences at the page's edge: `say` shows one, with what takes it back where that can be; `hush` takes it away. */
function createToasts({ store }) {
  const hush = (id) => store.set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) }));

  function say(text, { failed = false, undo = null } = {}) {
    const toast = { id: (toastNumber += 1), text, failed, undo };
    store.set((state) => ({ toasts: [...state.toasts, toast].slice(-4) }));
    if (!failed) setTimeout(() => hush(toast.id), undo ? UNDO_MS : SHOWN_MS);
  }

  return { say, hush };
}

/** Makes the page's actions. */
export function createActions({ api, store, knowledge }) {
  const { say, hush } = createToasts({ store });

  /** Runs a request; a failure is shown with the runtime's own sentence, and gives null. */
  async function attempt(request) {
    try {
      return (await request()) ?? {};
    } catch (error) {
      say(sentence(error), { failed: true });
      return null;
    }
  }

  async function onSession(session, changes, request) {
    const correct = knowledge.hope(session, changes);
    const answer = await attempt(request);
    correct();
    return answer;
  }

  const tools = { api, knowledge, say, attempt, onSession };
  return {
    say,
    hush,
    attempt,
    /** Makes a job; the key makes a second click, or a second try after a cut, the same job. */
    createJob: (order, key) => api.post("jobs", order, { headers: { "Idempotency-Key": key } }),
    /** Changes the words of a message that waits. */
    editJob: (job, prompt) => api.patch(api.job(job.job_id), { prompt }),
    ...actionsOnJobs(tools),
    async onLauncher(launcher, call) {
      const done = await attempt(() =>
        call === "remove" ? api.del(api.launcher(launcher.launcher_id)) : api.post(api.launcher(launcher.launcher_id, call)),
      );
      await knowledge.readLaunchers().catch(() => {});
      return done;
    },
    liftQuotaHold: (hold) => attempt(() => api.del(`holds/${encodeURIComponent(hold.hold_id)}`)),
    extendQuotaHold: (hold, until) => attempt(() => api.patch(`holds/${encodeURIComponent(hold.hold_id)}`, { until })),
    async onAgent(request) {
      const done = await attempt(request);
      await knowledge.readAgents().catch(() => {});
      return done;
    },
  };
}

function actionsOnJobs({ api, knowledge, say, attempt, onSession }) {
  const retry = (id) => attempt(() => api.post(api.job(id, "retry")));

  /** Says that jobs were taken out of the queue, and puts them back when that was not meant. */
  function sayWithdrawn(text, ids, undoText) {
    say(text, { undo: ids.length ? { text: undoText, act: () => Promise.all(ids.map(retry)) } : null });
  }

  return {
    /** Stops what runs and withdraws what waits; messages that were withdrawn can be put back. */
    async stopSession(session, { tree }) {
      const ask = () => api.post(api.session(session.session_name, "stop"), {}, { query: { tree } });
      const answer = await onSession(session, { stopping: true }, ask);
      if (answer && (tree || answer.withdrawn.length)) {
        sayWithdrawn(stopWords(answer, tree), answer.withdrawn.map((one) => one.job_id), "Put back");
      }
      return answer;
    },
    stopJob: (job) => attempt(() => api.post(api.job(job.job_id, "stop"))),
    holdJob: (job) => attempt(() => api.post(api.job(job.job_id, "hold"))),
    liftHold: (job) => attempt(() => api.del(api.job(job.job_id, "hold"))),
    retryJob: (job) => retry(job.job_id),
    /** Takes a job out of the queue; for some seconds it can be put back. */
    async withdrawJob(job) {
      const done = await attempt(() => api.del(api.job(job.job_id)));
      if (done) sayWithdrawn(`Out of the queue: ${quoted(job)}`, [job.job_id], "Undo");
      return done;
    },
    /** Does one thing to several sessions, one after the other, and says how many it reached. */
    async onMany(name, sessions) {
      const { ask, words } = MANY[name];
      let done = 0;
      const withdrawn = [];
      for (const session of sessions) {
        const answer = await attempt(() => ask(api, session));
        if (!answer) continue;
        done += 1;
        withdrawn.push(...(answer.withdrawn ?? []).map((one) => one.job_id));
        if (name === "delete") knowledge.forget(session.session_id);
      }
      sayWithdrawn(`${done} of ${sessions.length} ${words}`, withdrawn, "Put back what waited");
    },
    async deleteSession(session, force) {
      const done = await attempt(() => api.del(api.session(session.session_name), force ? { force: true } : {}));
      if (done) knowledge.forget(session.session_id);
      return done;
    },
  };
}

const MANY = {
  retry: { words: "queued again", ask: (api, one) => api.post(api.job(one.reason_job_id, "retry")) },
  hold: { words: "held", ask: (api, one) => api.post(api.job(one.reason_job_id, "hold")) },
  stop: { words: "asked to stop", ask: (api, one) => api.post(api.session(one.session_name, "stop"), {}, { query: { tree: false } }) },
  delete: { words: "deleted", ask: (api, one) => api.del(api.session(one.session_name), { force: true }) },
};

const PREVIEW_CHARACTERS = 60;
const quoted = ({ prompt_preview: prompt }) => {
  const text = orderWords(prompt);
  return `“${text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS)}…` : text}”`;
};

function stopWords({ stopped_jobs: stopped, withdrawn }, tree) {
  const asked = tree ? `Asked to stop: ${stopped.length} ${stopped.length === 1 ? "job" : "jobs"}` : "Asked to stop";
  return withdrawn.length ? `${asked}; withdrawn: ${withdrawn.map(quoted).join(", ")}` : asked;
}

/** A key under which the runtime knows a job order again. */
export const newKey = () => `page-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
