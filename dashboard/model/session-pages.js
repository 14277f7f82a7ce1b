/** The pages of the list of sessions, as they are read from the runtime. */
import { useApp, useCallback, useEffect, useRef, useState } from "../browser/ui.js";
import { STATUS_GROUPS } from "./arrange.js";
import { useReadingAfterCut } from "./reading.js";

const PAGE = 100;
const ORDERED_PAGE = 500;
/** So many sessions are brought into another order than the newest first; the list says so where there are more. */
export const ORDERED_MAX = 2000;
const SEARCH_MS = 30;

/**
 * Reads the pages of a filter; what is shown is then filtered again from what is known. `loaded.found` are the ids that
 * the runtime has found for `loaded.q`: it knows prompts and errors, of which the page knows nothing.
 */
export function useSessionPages(filters, left) {
  const { api, knowledge } = useApp();
  const [loaded, setLoaded] = useState(left.loaded ?? { floor: "~", done: false, found: null });
  const [error, setError] = useState(null);
  const pages = useRef(left.pages ?? { busy: false, open: [], found: [] });
  const isBack = useRef(Boolean(left.pages));
  const key = JSON.stringify(filters);

  const read = useCallback(async () => {
    const mine = pages.current;
    if (mine.busy || !mine.open.length) return;
    mine.busy = true;
    try {
      await readAll(mine.open);
      // Another order than the newest first is one of all that is shown: more is read for it at once.
      while (filters.order && mine === pages.current && unread(mine).length && mine.found.length < ORDERED_MAX) {
        await readAll(unread(mine));
      }
      if (mine !== pages.current) return;
      mine.open = unread(mine);
      // Below the oldest row of a list that goes on, rows are missing: nothing is shown from there.
      const floor = mine.open.map((page) => page.oldest).sort().at(-1) ?? "";
      setLoaded({ found: filters.q ? new Set(mine.found) : null, q: filters.q, hasMore: mine.open.length > 0, floor, done: true });
      setError(null);
    } catch (problem) {
      if (mine === pages.current) setError(problem);
    } finally {
      mine.busy = false;
    }
  }, [key]);

  const readAll = (those) => Promise.all(those.map((page) => readPage(page, filters, { api, knowledge })));
  const begin = useCallback(() => {
    const found = [];
    pages.current = { busy: false, found, open: pagesOf(filters.status, found) };
    setLoaded((before) => ({ ...before, done: false }));
    return read();
  }, [read]);

  useEffect(() => {
    // Who comes back has the old pages still, and reads only what is new.
    const fresh = () => readAll(pagesOf(filters.status, pages.current.found)).catch(setError);
    const timer = setTimeout(isBack.current ? fresh : begin, filters.q ? SEARCH_MS : 0);
    isBack.current = false;
    const unwatch = knowledge.watch((event) => event.type === "gap" && begin());
    return () => {
      clearTimeout(timer);
      unwatch();
    };
  }, [key]);
  useReadingAfterCut(error, begin);
  return { loaded, pages: pages.current, error, more: read, again: begin };
}

/** Reads one page on, and says what it holds. */
async function readPage(page, { agent, tree, q, order }, { api, knowledge }) {
  const limit = order ? ORDERED_PAGE : PAGE;
  const learnAnswer = knowledge.asking();
  const answer = await api.get("sessions", { status: page.status, agent, tree, q, limit, cursor: page.cursor });
  learnAnswer(answer.sessions);
  page.found.push(...answer.sessions.map((session) => session.session_id));
  page.cursor = answer.next_cursor;
  page.oldest = answer.sessions.at(-1)?.session_id ?? "";
}

const unread = (mine) => mine.open.filter((page) => page.cursor);

/** The runtime filters by one status at a time: a group of them is several lists, read side by side. */
const pagesOf = (group, found) => (STATUS_GROUPS[group] ?? [group]).map((status) => ({ status, cursor: null, oldest: "", found }));
