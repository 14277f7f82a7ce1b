/** Why a session or a job stands where it stands, as a person reads it: pure. */
import { orderWords } from "./news.js";
import { shown } from "./plain-text.js";
import { hasQuestion, isStalled, reasonWords, waitWords } from "./reasons.js";

/**
 * Says it of a session in two pieces, of which either may be empty.
 * @returns {{title: string, text: string}}  `title` is the kind of cause, `text` whoever knows it in their own words
 */
export function causeOf(session, launcher = null) {
  const { status, reason, reason_detail: detail } = session;
  if (status === "failed") return { title: reasonWords(reason), text: detail ?? "" };
  if (status === "stopped") return { title: reasonWords(reason), text: "" };
  if (status === "lost") return { title: `its launcher ${whereWords(session, launcher)}is silent`, text: "" };
  if (status === "waiting") return { title: "its turn is over, and its children are at work", text: "" };
  if (hasQuestion(session)) return { title: "asks", text: detail ?? "" };
  if (isStalled(session)) return { title: "gives no sign of life", text: detail ?? "" };
  if (reason === "stopping") return { title: "is being stopped", text: detail ?? "" };
  if (status === "pending") return { title: waitWords(reason), text: detail ?? "" };
  return { title: "", text: "" };
}

function whereWords({ hostname }, launcher) {
  const name = launcher?.name || launcher?.hostname;
  if (!name) return "";
  return hostname && hostname !== name ? `${name} on ${hostname} ` : `${name} `;
}

/** One line for a list: what is asked, why it stands still, what came out, or what it is at. */
export function lineOf(session, launcher = null) {
  const { title, text } = causeOf(session, launcher);
  if (session.reason === "held") return "until somebody lifts the hold";
  if (text) return tellingLine(text);
  if (title) return title;
  if (session.status === "running") return orderWords(session.reason_prompt_preview);
  return session.status === "waiting_input" ? plain(session.result_preview) : plain(session.last_words);
}

// Numbers, ids, paths and quoted names differ between two that failed the same way.
const PARTICULARS = /\b(?:job|ses|lau)_\w+|\b[0-9a-f]{8,}\b|(?:\/[\w.@~+-]+){2,}|'[^']*'|"[^"]*"|\d+(?:[.:]\d+)*/gi;

/** What a session has in common with others that stand where they stand for the same cause. */
export function sameCause(session) {
  const status = shownStatus(session);
  const { title, text } = causeOf(session);
  const line = session.status === "stopped" || session.status === "lost" ? "" : tellingLine(text);
  return { key: [status, title, line.replace(PARTICULARS, "…")].join("|"), status, text: [title, line].filter(Boolean).join(": ") };
}

/** The status as it is shown: who is held, or prepared by a launcher, is not simply queued, nor who has stalled at work. */
export function shownStatus({ status, reason }) {
  if (isStalled({ status, reason })) return "stalled";
  if (status !== "pending") return status;
  return { held: "held", starting: "claimed" }[reason] ?? status;
}

/** The first line of a text that says something. */
export const firstLine = (text) => shown((text ?? "").split("\n").map((line) => line.trim()).find(Boolean) ?? "");

/** The line of an error that says what it is: the first, or the last where the first says that the way there follows. */
export const tellingLine = (text) => (/^Traceback\b/.test(text ?? "") ? firstLine(text.split("\n").reverse().join("\n")) : firstLine(text));

// A row of a table is read as a list.
const plain = (text) =>
  firstLine((text ?? "").replace(/[#*`>]+/g, "")).replace(/^\|\s*|\s*\|$/g, "").replace(/\s*\|\s*/g, " · ");
