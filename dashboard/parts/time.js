/** Times as people say them, the exact one on hover; all of them tick together. */
import { html, useApp, useEffect, useState } from "../browser/ui.js";

const STEPS = [
  [60, 1, "s"],
  [3600, 60, "m"],
  [86_400, 3600, "h"],
  [Infinity, 86_400, "d"],
];

/** A number of seconds in one short word: `8s`, `5m`, `3h`, `2d`. */
export function shortSpan(seconds) {
  const whole = Math.max(0, seconds);
  const [, unit, letter] = STEPS.find(([limit]) => whole < limit);
  return `${Math.floor(whole / unit)}${letter}`;
}

/** A number of seconds as exactly as it matters: `<0.1s`, `1.5s`, `12s`, `3m 20s`, `2h`, `1d 4h`. */
export function span(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  if (seconds < 0.05) return "<0.1s";
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(".0", "")}s`;
  if (seconds < 59.5) return `${Math.round(seconds)}s`;
  if (seconds < 3600) return inTwo(Math.round(seconds), 60, "m", 1, "s");
  if (seconds < 86_400) return inTwo(seconds, 3600, "h", 60, "m");
  return inTwo(seconds, 86_400, "d", 3600, "h");
}

/** Two units, of which the smaller one is left out where there is none of it. */
function inTwo(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${largeName}${rest ? ` ${rest}${smallName}` : ""}`;
}

/** The time between two moments, in seconds. */
export const between = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

const secondFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hour12: false });

/** A moment in full, in the reader's own time zone. */
export const exact = (at) => (at ? exactFormat.format(new Date(at)) : "");

/** Hour and minute of a moment. */
export const clock = (at) => clockFormat.format(new Date(at));

/** A moment of a day to the second. */
export const moment = (at) => secondFormat.format(new Date(at));

/** Tells all shown times, once a second, that a second has passed. */
export function createTicker() {
  const listeners = new Set();
  setInterval(() => {
    if (!document.hidden) for (const listener of listeners) listener();
  }, 1000);
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A value that is worked out again every second. */
export function useEverySecond(compute, inputs) {
  const { ticker } = useApp();
  const [value, setValue] = useState(compute);
  useEffect(() => {
    const look = () => setValue(() => compute());
    look();
    return ticker.subscribe(look);
  }, inputs);
  return value;
}

/** How long ago something was: `5m`. */
export function Ago({ at, suffix = "" }) {
  const { now } = useApp();
  const text = useEverySecond(() => (at ? shortSpan((now() - Date.parse(at)) / 1000) : ""), [at]);
  if (!at) return null;
  return html`<time class="num" datetime=${at} title=${exact(at)}>${text}${suffix}</time>`;
}

/** How long something takes or took; it runs on while there is no end. */
export function Lasting({ from, to }) {
  const { now } = useApp();
  const text = useEverySecond(() => span(Math.max(0, to ? between(from, to) : (now() - Date.parse(from)) / 1000)), [from, to]);
  if (!from) return null;
  return html`<span class="num" title=${`${exact(from)} – ${to ? exact(to) : "now"}`}>${text}</span>`;
}

/** How long an attempt ran, by the clock of its own machine once that has told, and else by what was seen from here. */
export function RanFor({ seconds = null, from, to }) {
  if (seconds === null) return html`<${Lasting} from=${from} to=${to} />`;
  return html`<span class="num" title=${`${exact(from)} – ${exact(to)}`}>${span(seconds)}</span>`;
}
