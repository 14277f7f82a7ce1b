/** The pages of the list of sessions, as they are read from the runtime. */
import { useApp, useCallback, useEffect, useRef, useState } from "../browser/ui.js";
import { STATUS_GROUPS } from "./arrange.js";
import { useReadingAfterCut } from "./reading.js";

const PAGE = 100;
const ORDERED_PAGE = 500;
/** So many sessions are brought into another order than the newest first; the list says so where there are more. */
export const ORDERED_MAX = 2000;
const SEARCH_MS = 60;

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
      await Promise.all(mine.open.map((page) => readPage(page, filters)));
      // Another order than the newest first is one of all that is shown: more is read for it at once.
      while (filters.order && mine === pages.current && mine.open.some((page) => page.cursor) && mine.found.length < ORDERED_MAX) {
        await Promise.all(mine.open.filter((page) => page.cursor).map((page) => readPage(page, filters)));
      }
      if (mine !== pages.current) return;
      mine.open = mine.open.filter((page) => page.cursor);
      // Below the oldest row of a list that goes on, rows are missing: nothing is shown from there.
      const found = filters.q ? new Set(mine.found) : null;
      setLoaded({ found, q: filters.q, hasMore: mine.open.length > 0, floor: mine.open.map((page) => page.oldest).sort().at(-1) ?? "", done: true });
      setError(null);
    } catch (problem) {
      if (mine === pages.current) setError(problem);
    } finally {
      mine.busy = false;
    }
  }, [key]);

  async function readPage(page, { agent, tree, q }) {
    const answer = await api.get("sessions", { status: page.status, agent, tree, q, limit: filters.order ? ORDERED_PAGE : PAGE, cursor: page.cursor });
    knowledge.learn(answer.sessions);
    page.found.push(...answer.sessions.map((session) => session.session_id));
    page.cursor = answer.next_cursor;
    page.oldest = answer.sessions.at(-1)?.session_id ?? "";
  }

  // The runtime filters by one status at a time: a group of them is several lists, read side by side.
  const firstPages = (found = []) =>
    (STATUS_GROUPS[filters.status] ?? [filters.status]).map((status) => ({ status, cursor: null, oldest: "", found }));
  const begin = useCallback(() => {
    const found = [];
    pages.current = { busy: false, found, open: firstPages(found) };
    setLoaded((before) => ({ ...before, done: false }));
    return read();
  }, [read]);

  useEffect(() => {
    // Who comes back has the old pages still, and reads only what is new.
    const fresh = () => Promise.all(firstPages().map((page) => readPage(page, filters))).catch(setError);
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
