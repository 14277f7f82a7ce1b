/**
 * Keeps the store true: reads what the page needs, follows the news, and reads again what an event says has changed.
 * An event changes the screen at once with what it carries; the re-read that follows corrects it.
 */
import { createKnownSessions, withSigns } from "./known-sessions.js";
import { follow } from "./live.js";
import { onceSoon } from "./soon.js";

const NEWS = {
  job: [
    "created", "claimed", "started", "completed", "failed", "stopped", "lost", "healed", "requeued", "declined",
    "stop_requested", "edited", "held", "hold_lifted",
  ],
  session: ["created", "updated", "deleted", "budget_exceeded", "children_running", "stalled", "stirred"],
  launcher: ["registered", "lost", "gone", "draining", "resumed", "alive"],
  agent: ["created", "updated", "deleted", "activated", "deactivated"],
  callback: ["created", "ready", "pending", "delivered", "consumed", "expired"],
  quota: ["held", "lifted"],
  question: ["asked", "answered", "expired", "withdrawn"],
  webhook: ["created", "removed", "due"],
};
/** The runtime's own words, and ends of turns; what agents say meanwhile is followed only where it is shown. */
export const NEWS_TYPES = [
  "result",
  ...Object.entries(NEWS).flatMap(([topic, words]) => words.map((word) => `${topic}.${word}`)),
];

const OF_LAUNCHERS = /^launcher\.|^job\.(started|completed|failed|stopped|lost|healed)$/;
const READ_AGAIN_MS = 150;
const SIGNS_MS = 15_000;
const HEALTH_MS = 5_000;
// A hidden page that has let go of the stream still has the number of questions in its title.
const HIDDEN_MS = 30_000;

function eachSoon(reads) {
  const soon = ([name, read]) => [name, onceSoon(() => read().catch(() => {}), READ_AGAIN_MS)];
  return Object.fromEntries(Object.entries(reads).map(soon));
}

/** Makes the page's knowledge; nothing is read before `start()`. */
export function createKnowledge({ api, store, now, notifier }) {
  const sessions = createKnownSessions({ api, store, now, notify: notifier.notify });
  const watchers = new Set();

  async function readLaunchers() {
    const { launchers } = await api.get("launchers");
    const readAt = now();
    store.set((state) => ({
      launchers: launchers.map((launcher) => ({ ...launcher, readAt })),
      sessions: withSigns(state.sessions, launchers, readAt),
    }));
  }
  const readAgents = async () => store.set({ agents: (await api.get("agents")).agents });
  const readQueue = async () => store.set({ waiting: (await api.get("jobs", { order: "run", limit: 1 })).waiting });
  const readQuestions = async () => store.set({ asked: (await api.get("questions", { status: "open", limit: 1 })).open });

  const later = eachSoon({ launchers: readLaunchers, queue: readQueue, agents: readAgents, questions: readQuestions });

  function heard(event) {
    if (event.session_id) sessions.apply(event);
    if (event.type.startsWith("job.")) later.queue();
    if (event.type.startsWith("question.")) {
      later.questions();
      notifier.hearQuestion(event);
    }
    if (OF_LAUNCHERS.test(event.type)) later.launchers();
    if (event.type.startsWith("agent.")) later.agents();
    for (const watcher of watchers) watcher(event);
  }

  function readEverything() {
    for (const read of Object.values(later)) read();
    sessions.readAgain(store.get().sessions.keys());
    for (const watcher of watchers) watcher({ type: "gap" });
  }

  return {
    hope: sessions.hope,
    asking: sessions.asking,
    forget: sessions.forget,
    readSession: sessions.read,
    readLaunchers,
    readAgents,
    readQueue,
    readQuestions,
    /** Hears each piece of news, and `{type: "gap"}` when some were missed. */
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    start({ keepWhileHidden }) {
      setInterval(() => !document.hidden && later.launchers(), SIGNS_MS);
      setInterval(() => document.hidden && later.questions(), HIDDEN_MS);
      setInterval(() => !document.hidden && api.askHealth().catch(() => {}), HEALTH_MS);
      const onState = (link) => store.set({ link });
      const filter = { types: NEWS_TYPES.join(",") };
      return follow({ filter, after: null, onEvent: heard, onGap: readEverything, onState, keepWhileHidden });
    },
  };
}
