/** What the page knows, in one place; views look at slices of it and are drawn again when their slice changes. */
import { useApp, useEffect, useState } from "../browser/ui.js";

/**
 * Makes a store; changes made in one frame are announced once, before that frame is painted.
 * @template T
 * @param {T} initial
 */
export function createStore(initial) {
  let state = initial;
  let planned = false;
  const listeners = new Set();

  function announce() {
    planned = false;
    for (const listener of [...listeners]) listener(state);
  }

  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...(typeof patch === "function" ? patch(state) : patch) };
      if (planned) return;
      planned = true;
      // A hidden tab gets no frames, but its title and notifications follow all the same.
      if (document.hidden) setTimeout(announce, 0);
      else requestAnimationFrame(announce);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Draws the view again whenever what `select` picks is another value than before. */
export function useStore(select) {
  const { store } = useApp();
  const [slice, setSlice] = useState(() => select(store.get()));
  useEffect(() => {
    const look = (state) => setSlice(() => select(state));
    look(store.get());
    return store.subscribe(look);
  }, [store]);
  return slice;
}
