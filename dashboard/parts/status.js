/** What state a thing is in, by shape, word and colour, with the age of the evidence for it. */
import { html, useApp } from "../browser/ui.js";
import { shownStatus } from "../model/causes.js";
import { exact, shortSpan, useEverySecond } from "./time.js";

const LOOKS = {
  pending: ["Queued", "quiet", "dots"],
  held: ["Held", "quiet", "pause"],
  claimed: ["Starting", "running", "spin"],
  running: ["Running", "running", "spin"],
  stalled: ["Stalled", "lost", "warn"],
  waiting_input: ["Needs input", "asks", "question"],
  waiting: ["Awaits children", "running", "dots"],
  finished: ["Finished", "finished", "check"],
  completed: ["Completed", "finished", "check"],
  failed: ["Failed", "failed", "cross"],
  stopped: ["Stopped", "quiet", "square"],
  lost: ["Lost", "lost", "warn"],
  alive: ["Alive", "finished", "check"],
  draining: ["Draining", "lost", "square"],
  gone: ["Gone", "quiet", "square"],
  delivered: ["Delivered", "running", "check"],
  consumed: ["Read", "finished", "check"],
  expired: ["Expired", "lost", "cross"],
};

const DRAWINGS = {
  dots: html`<circle cx="7" cy="7" r="5" stroke-dasharray="2.200 2" />`,
  spin: html`<g class="spin"><circle cx="7" cy="7" r="5" opacity="0.25" /><path d="M12 7a5 5 0 0 0-5-5" /></g>`,
  question: html`<circle cx="7" cy="7" r="5.300" /><path d="M5.700 5.700c.1-1.700 2.700-1.700 2.700 0 0 1-1.300 1-1.300 2M7 9.900h.01" />`,
  check: html`<circle cx="7" cy="7" r="5.300" /><path d="M4.700 7.200 6.300 8.800 9.400 5.400" />`,
  cross: html`<circle cx="7" cy="7" r="5.300" /><path d="M5.200 5.200 8.800 8.800M8.800 5.200 5.200 8.800" />`,
  square: html`<circle cx="7" cy="7" r="5.300" /><path d="M5.400 5.400h3.200v3.200H5.400z" />`,
  pause: html`<circle cx="7" cy="7" r="5.300" /><path d="M5.600 5v4M8.400 5v4" />`,
  warn: html`<path d="M7 1.700 12.800 12H1.200zM7 5.500v2.800M7 10.200h.01" />`,
};

/** The word, tone and drawing of a status. */
export const look = (status) => LOOKS[status] ?? [status, "quiet", "dots"];

/** Just the small sign of a status. */
export function Sign({ status }) {
  const [word, tone, drawing] = look(status);
  return html`<span data-tone=${tone} class="status" role="img" aria-label=${word} title=${word}><${Drawing} name=${drawing} /></span>`;
}

export function Drawing({ name }) {
  return html`<svg width="14" height="14" viewBox="0 0 14 14" fill="none" stroke="currentColor" stroke-width="1.400"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${DRAWINGS[name]}</svg>`;
}

const MOVING = new Set(["claimed", "running", "stalled", "alive", "draining", "lost"]);

/**
 * How old the evidence for a status is, in seconds, right now.
 * A thing at rest is proved by its end; a moving one by the last sign of life, plus the time since we read of it.
 */
export function evidenceAge(thing, now) {
  if (thing.proof_age_seconds !== null && thing.proof_age_seconds !== undefined && MOVING.has(thing.status)) {
    return thing.proof_age_seconds + Math.max(0, now - (thing.readAt ?? now)) / 1000;
  }
  const at = MOVING.has(thing.status)
    ? (thing.last_seen_at ?? thing.last_event_at ?? thing.updated_at)
    : (thing.ended_at ?? thing.updated_at ?? thing.created_at);
  return at ? Math.max(0, (now - Date.parse(at)) / 1000) : null;
}

const evidenceWord = (status) => (status === "lost" ? "silent " : "seen ");

/** A status with its word and the age of its evidence; `thing` is a session, a job or a launcher. */
export function Status({ thing, aged = true }) {
  const { now } = useApp();
  const status = shownStatus(thing);
  const [word, tone, drawing] = look(status);
  const seconds = useEverySecond(() => evidenceAge(thing, now()), [thing]);
  const moving = MOVING.has(status);
  const evidence = moving ? "last sign of life" : "since";
  const at = seconds === null ? "" : exact(new Date(now() - seconds * 1000).toISOString());
  return html`<span class="status" data-tone=${tone} data-status=${thing.status} title=${at ? `${word}, ${evidence} ${at}` : word}>
    <${Drawing} name=${drawing} />${word}
    ${aged && seconds !== null
      && html`<span class=${`age${moving && seconds > 90 ? " old" : ""}`}>${moving ? evidenceWord(status) : ""}
          ${shortSpan(seconds)}</span>`}
  </span>`;
}
