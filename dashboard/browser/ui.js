/** The few words in which the page is written: elements, hooks and the app's parts for whoever needs them. */
import htm from "../vendor/htm.js";
import { useContext } from "../vendor/preact-hooks.js";
import { Component, createContext, Fragment, h, render } from "../vendor/preact.js";

export { Component, Fragment, h, render };
export {
  useCallback,
  useEffect,
  useErrorBoundary,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/preact-hooks.js";

export const html = htm.bind(h);

/** Carries what `app.js` built; its `memory` keeps what a view was like when it was left, by the view's address. */
export const App = createContext(null);

/** Gives a view the parts that `app.js` built. */
export const useApp = () => useContext(App);
