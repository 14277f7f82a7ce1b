/** What a view reads from the runtime, and reads again: when the news says so, and after the runtime was away. */
import { useApp, useCallback, useEffect, useState } from "../browser/ui.js";
import { isMissing, isUnreachable } from "./api.js";
import { onceSoon } from "./soon.js";
import { useStore } from "./store.js";

const READ_AGAIN_MS = 120;
const ASK_AGAIN_MS = 3000;

/** Reads again what could not be read, as soon as the runtime answers again. */
export function useReadingAfterCut(error, read) {
  const live = useStore((state) => state.link.state === "live");
  useEffect(() => {
    if (live && error) read();
  }, [live]);
  useEffect(() => {
    // An absence so short that the stream never noticed it would otherwise leave its error standing.
    if (!isUnreachable(error)) return undefined;
    const timer = setTimeout(read, ASK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [error]);
}

/** Something read from the runtime that is read again when the news says that it may have changed. */
export function useReading(read, { key, concerns, missing = null }) {
  const { knowledge } = useApp();
  const [answer, setAnswer] = useState({ value: null, error: null });
  useEffect(() => {
    let alive = true;
    const again = async () => {
      try {
        const value = await read();
        if (alive) setAnswer({ value, error: null });
      } catch (error) {
        if (alive) setAnswer((before) => (isMissing(error) ? { value: missing, error: null } : { ...before, error }));
      }
    };
    const soon = onceSoon(again, READ_AGAIN_MS);
    setAnswer({ value: null, error: null });
    again();
    const unwatch = knowledge.watch((event) => (event.type === "gap" || concerns(event)) && soon());
    answers.set(key, again);
    return () => {
      alive = false;
      soon.end();
      unwatch();
      answers.delete(key);
    };
  }, [key]);
  const again = useCallback(() => answers.get(key)?.(), [key]);
  useReadingAfterCut(answer.error, again);
  return { ...answer, again };
}

const answers = new Map();
