/** What a person can do; each asks the runtime, shows what it hopes for at once, and lets the truth correct it. */
import { sentence } from "./api.js";

let toastNumber = 0;

/** Short sentences at the page's edge: `say` shows one, `hush` takes it away. */
function createToasts({ store }) {
  const hush = (id) => store.set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) }));

  function say(text, { failed = false, action = null } = {}) {
    const toast = { id: (toastNumber += 1), text, failed, action };
    store.set((state) => ({ toasts: [...state.toasts, toast].slice(-4) }));
    if (!failed) setTimeout(() => hush(toast.id), 5000);
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

  function hope(session, changes) {
    knowledge.learn([{ ...session, ...changes }]);
    return () => knowledge.readSession(session.session_id).catch(() => {});
  }

  async function onSession(session, changes, request) {
    const correct = hope(session, changes);
    const answer = await attempt(request);
    correct();
    return answer;
  }

  return {
    say,
    hush,
    attempt,
    /** Makes a job; the key makes a second click, or a second try after a cut, the same job. */
    createJob: (order, key) => api.post("jobs", order, { headers: { "Idempotency-Key": key } }),
    stopSession: (session, tree) =>
      onSession(session, { stopping: true }, () => api.post(api.session(session.session_name, "stop"), {}, { query: { tree } })),
    stopJob: (job) => attempt(() => api.post(api.job(job.job_id, "stop"))),
    holdJob: (job) => attempt(() => api.post(api.job(job.job_id, "hold"))),
    liftHold: (job) => attempt(() => api.del(api.job(job.job_id, "hold"))),
    retryJob: (job) => attempt(() => api.post(api.job(job.job_id, "retry"))),
    /** Changes the words of a message that waits. */
    editJob: (job, prompt) => api.patch(api.job(job.job_id), { prompt }),
    withdrawJob: (job) => attempt(() => api.del(api.job(job.job_id))),
    async deleteSession(session, force) {
      const done = await attempt(() => api.del(api.session(session.session_name), force ? { force: true } : {}));
      if (done) knowledge.forget(session.session_id);
      return done;
    },
    async onLauncher(launcher, call) {
      const done = await attempt(() =>
        call === "remove" ? api.del(api.launcher(launcher.launcher_id)) : api.post(api.launcher(launcher.launcher_id, call)),
      );
      await knowledge.readLaunchers().catch(() => {});
      return done;
    },
    async onAgent(request) {
      const done = await attempt(request);
      await knowledge.readAgents().catch(() => {});
      return done;
    },
  };
}

/** A key under which the runtime knows a job order again. */
export const newKey = () => `page-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
