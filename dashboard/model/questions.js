/** The questions that the page shows: read, kept in their places while they are looked at, and answered once. */
import { keep } from "../browser/drafts.js";
import { useApp, useEffect, useRef, useState } from "../browser/ui.js";
import { sentence } from "./api.js";
import { secondWords } from "./question-words.js";
import { useReading } from "./reading.js";
import { useStore } from "./store.js";

const PAGE = 100;
const PAGES_MAX = 5;
const TOO_LATE = new Set(["already_answered", "question_expired", "question_withdrawn"]);

/** One question, read again whenever something becomes of it. */
export function useQuestion(id) {
  const { api } = useApp();
  return useReading(() => api.get(api.question(id)), {
    key: `question ${id}`,
    concerns: (event) => event.type.startsWith("question.") && event.data.question_id === id,
  });
}

/**
 * The questions of a list: open ones by the time that is left for them, others from the newest on. What is answered
 * while one looks stays where it stands, and what comes is put at the end: nothing moves under the pointer.
 */
export function useInbox({ status, session }) {
  const { api } = useApp();
  const key = `inbox ${status} ${session}`;
  const seen = useRef(null);
  if (seen.current?.key !== key) seen.current = { key, questions: new Map() };
  const read = async () => {
    const { questions: known } = seen.current;
    const { found, hasMore } = await readPages(api, { status, session });
    if (status === "open") found.sort((a, b) => (a.expires_at < b.expires_at ? -1 : 1));
    const here = new Set(found.map((one) => one.question_id));
    const gone = [...known.values()].filter((one) => one.status === "open" && !here.has(one.question_id));
    for (const one of found) known.set(one.question_id, one);
    await Promise.all(gone.map((one) => readSettled(api, known, one.question_id)));
    return { questions: status === "open" ? [...known.values()] : found, hasMore };
  };
  return useReading(read, { key, concerns: (event) => event.type.startsWith("question.") });
}

async function readPages(api, query) {
  const found = [];
  let cursor = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await api.get("questions", { ...query, limit: PAGE, cursor });
    found.push(...answer.questions);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { found, hasMore: cursor !== null };
}

async function readSettled(api, known, id) {
  try {
    known.set(id, await api.get(api.question(id)));
  } catch (error) {
    if (error.status !== 404) throw error;
    known.delete(id);
  }
}

/** The session that asks; read where something of it matters that the page does not know. */
export function useAsker({ session_id: id, session_name: name }, isWanted) {
  const { knowledge } = useApp();
  const session = useStore((state) => state.sessions.get(id) ?? null);
  useEffect(() => {
    if (isWanted && !session) knowledge.readSession(name).catch(() => {});
  }, [id]);
  return session;
}

/**
 * Answers a question, once: what is on its way, or taken, is not sent again.
 * @returns {{question: object, isSending: boolean, problem: string, second: string, answer: (body: object) => void}}
 */
export function useAnswering(asked) {
  const { api } = useApp();
  const [state, setState] = useState({ isSending: false, problem: "", second: "", settled: null });
  // Set at once: a second press may come before anything was drawn.
  const isSent = useRef(false);
  const question = asked.status === "open" && state.settled ? state.settled : asked;

  async function answer(body) {
    if (isSent.current || question.status !== "open") return;
    isSent.current = true;
    setState((before) => ({ ...before, isSending: true, problem: "" }));
    const became = await sent(api, asked.question_id, body);
    setState({ isSending: false, problem: "", second: "", settled: null, ...became });
    isSent.current = Boolean(became.settled);
  }

  return { ...state, question, answer };
}

async function sent(api, id, body) {
  try {
    const settled = await api.post(api.question(id, "answer"), body);
    keep(draftOf(id), null);
    return { settled };
  } catch (error) {
    const settled = TOO_LATE.has(error.code) ? await api.get(api.question(id)).catch(() => null) : null;
    return settled ? { settled, second: secondWords(settled) } : { problem: sentence(error) };
  }
}

/** Under which name a started answer is kept. */
export const draftOf = (id) => `answer ${id}`;
