/** What a session's page reads: the session, its events from the end, its jobs, children and callbacks. */
import { useApp, useCallback, useEffect, useRef, useState } from "../browser/ui.js";
import { follow } from "./live.js";
import { useReading, useReadingAfterCut } from "./reading.js";
import { useStore } from "./store.js";

const FIRST_PAGE = 300;
const EARLIER_PAGE = 500;
const FAR_AHEAD = 2 ** 53 - 1;

/** Finds a session by name or id among what is known, and reads it; `error` says why there is none. */
export function useSession(name) {
  const { knowledge } = useApp();
  const [error, setError] = useState(null);
  const read = useCallback(() => knowledge.readSession(name).then(() => setError(null), setError), [name]);
  useEffect(() => {
    setError(null);
    read();
  }, [name]);
  const session = useStore(useCallback((state) => find(state.sessions, name), [name]));
  useReadingAfterCut(error, read);
  return { session, error, read };
}

function find(sessions, name) {
  if (sessions.has(name)) return sessions.get(name);
  for (const session of sessions.values()) if (session.session_name === name) return session;
  return null;
}

const NOTHING_READ = { items: [], hasEarlier: false, ready: false, error: null };

/**
 * What was told of a session: the newest page first, older ones on demand, and everything new as it comes.
 * @param {() => object} makeLine  what the events become: the conversation's line, or the events as they are
 * @returns {{items: object[], hasEarlier: boolean, ready: boolean, error: Error|null, earlier: () => void, begin: () => void}}
 */
export function useTimeline(name, makeLine) {
  const { api } = useApp();
  const [view, setView] = useState(NOTHING_READ);
  const work = useRef(null);

  const show = useCallback((mine, changes = {}) => {
    // What was asked for another session, or for a page that has been left, is not shown.
    if (mine !== work.current) return;
    Object.assign(mine.pending, changes);
    if (mine.frame) return;
    mine.frame = requestAnimationFrame(() => {
      mine.frame = 0;
      if (mine !== work.current) return;
      setView((before) => ({ ...before, ...mine.pending, items: mine.line.snapshot() }));
      mine.pending = {};
    });
  }, []);

  const begin = useCallback(async () => {
    work.current?.stream?.close();
    const mine = (work.current = emptyWork((query) => api.get(api.session(name, "events"), query), makeLine()));
    const page = await readPage(mine, { before: FAR_AHEAD, limit: FIRST_PAGE }, show);
    if (!page || mine !== work.current) return;
    mine.line.append(page.events);
    mine.stream = follow({
      filter: { session: name },
      after: mine.line.lastSeq,
      onEvent: (event) => mine === work.current && mine.line.append([event]) && show(mine),
      onGap: begin,
    });
    show(mine, { ready: true, error: null, hasEarlier: mine.more });
  }, [name]);

  useEffect(() => {
    setView(NOTHING_READ);
    begin();
    return () => {
      work.current?.stream?.close();
      work.current = null;
    };
  }, [name]);
  useReadingAfterCut(view.error, begin);
  const earlier = useCallback(() => readEarlier(work.current, show), []);
  return { ...view, earlier, begin };
}

const emptyWork = (read, line) => ({
  read,
  line,
  frame: 0,
  pending: {},
  busy: false,
  stream: null,
  more: false,
});

/** Reads one page of events; null if that failed, and the failure is shown. */
async function readPage(mine, query, show) {
  try {
    const page = await mine.read(query);
    mine.more = page.events.length >= query.limit;
    return page;
  } catch (error) {
    show(mine, { ready: true, error });
    return null;
  }
}

async function readEarlier(mine, show) {
  if (!mine || mine.busy || !mine.more) return;
  mine.busy = true;
  const page = await readPage(mine, { before: mine.line.firstSeq, limit: EARLIER_PAGE }, show);
  mine.busy = false;
  if (!page) return;
  mine.line.prepend(page.events);
  show(mine, { hasEarlier: mine.more });
}

/** The session's jobs, newest first. */
export function useJobs(session) {
  const { api, now } = useApp();
  return useReading(
    async () => (await api.get("jobs", { session: session.session_name, limit: 100 })).jobs.map((job) => ({ ...job, readAt: now() })),
    { key: `jobs ${session.session_id}`, concerns: (event) => event.session_id === session.session_id && event.type.startsWith("job.") },
  );
}

/** The news of its children that a session waits for, or has had. */
export function useCallbacks(session) {
  const { api } = useApp();
  return useReading(async () => (await api.get(api.session(session.session_name, "callbacks"))).callbacks, {
    key: `callbacks ${session.session_id}`,
    concerns: (event) => event.type.startsWith("callback."),
    missing: [],
  });
}

/** All sessions of the tree to which a session belongs. */
export function useTree(session) {
  const { api, knowledge } = useApp();
  const sessions = useStore((state) => state.sessions);
  const reading = useReading(
    async () => {
      const learnAnswer = knowledge.asking();
      const answer = await api.get("sessions", { tree: session.root_session_id, limit: 500 });
      learnAnswer(answer.sessions);
      return true;
    },
    { key: `tree ${session.root_session_id}`, concerns: (event) => event.type === "session.created" },
  );
  const root = session.root_session_id;
  const ofTree = [...sessions.values()].filter((one) => one.root_session_id === root);
  return { ...reading, sessions: ofTree.sort((a, b) => (a.session_id < b.session_id ? -1 : 1)) };
}
