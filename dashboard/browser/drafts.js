/** What a person has typed and not sent yet: it survives a reload, and a browser that keeps nothing is fine too. */
import { useCallback, useState } from "./ui.js";

/** Reads a kept value, or the fallback. */
export function recall(key, fallback) {
  try {
    const kept = localStorage.getItem(key);
    return kept === null ? fallback : JSON.parse(kept);
  } catch {
    return fallback;
  }
}

/** Keeps a value; `null` and empty texts are forgotten. */
export function keep(key, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: the draft lives as long as the page.
  }
}

/** A state of a view that is still there after a reload. */
export function useKept(key, fallback) {
  const [entry, setEntry] = useState(() => ({ key, value: recall(key, fallback) }));
  const value = entry.key === key ? entry.value : recall(key, fallback);
  const set = useCallback(
    (next) => {
      keep(key, next);
      setEntry({ key, value: next ?? fallback });
    },
    [key],
  );
  return [value, set];
}
