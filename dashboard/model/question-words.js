/** A question in words: what is asked, of whom, until when and what holds then, and what became of it. Pure. */
import { linesOfPatch } from "./patch.js";
import { shown } from "./plain-text.js";

const DIFF_CUT_AT = 200_000;
const HEADING_CHARACTERS_MAX = 160;

/** Whether the words of a question are more than its heading takes, and stand below it. */
export function isLong({ kind, text }) {
  if (kind === "permission" || !text) return false;
  return text.length > HEADING_CHARACTERS_MAX || text.trim().includes("\n");
}

/** What is asked, in one line. */
export function askedWords(question) {
  const { kind, tool, text } = question;
  if (kind === "permission") return `May it use ${shown(tool)}?`;
  return (isLong(question) ? "" : shown(text)) || (kind === "form" ? "It asks for some facts" : "It asks something");
}

/** Of whom it is asked; `parent` is the name of the session above, if there is one. */
export function whoWords({ parent: part }, parent) {
  if (!parent || part === "nothing") return "Asked of people";
  return part === "told" ? `Asked of people; its parent ${parent} is told` : `Asked of people and of its parent ${parent}`;
}

/** What holds when nobody has answered in time. */
export function thenWords({ kind, at_expiry: then }) {
  if (kind !== "permission") return then === "stop" ? "its turn ends" : "it goes on without an answer";
  return { allow: "it is allowed", stop: "it is denied, and its turn ends" }[then] ?? "it is denied";
}

/**
 * What became of a question that is not open any more.
 * @returns {{text: string, tone: string, drawing: string, said: string}}  `said` are the words of whoever answered
 */
export function endWords({ kind, status, decision, message, answer, by }) {
  if (status === "withdrawn") return end("Withdrawn: its turn was over before anybody answered", "quiet", "square");
  if (status === "expired") {
    const then = kind === "permission" || decision ? `: ${decision === "allow" ? "allowed" : "denied"}` : "";
    return end(`Nobody answered in time${then}`, "lost", "cross");
  }
  if (decision === "allow") return end(`Allowed by ${by}`, "finished", "check", message ?? "");
  if (decision === "deny") return end(`Denied by ${by}`, "failed", "cross", message ?? "");
  return end(`Answered by ${by}`, "finished", "check", answerWords(answer));
}

const end = (text, tone, drawing, said = "") => ({ text, tone, drawing, said });

function answerWords(answer) {
  if (answer === null || answer === undefined) return "";
  if (typeof answer !== "object") return shown(String(answer));
  const words = ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : value}`;
  return shown(Object.entries(answer).map(words).join("\n"));
}

/** That somebody else was first, or time was; for whoever wanted to answer and was told so. */
export function secondWords(question) {
  if (question.status === "answered") return `Your answer came second and was not taken: ${question.answered_by} was first.`;
  if (question.status === "expired") return "Your answer came too late and was not taken: the time for it was over.";
  return "Your answer came too late and was not taken: the turn that asked is over.";
}

/**
 * The lines of what an edit would change; empty for what is no edit.
 * @returns {{lines: object[], isCut: boolean}}
 */
export function changeOf({ tool, input, diff }) {
  if (diff) return { lines: linesOfPatch(withHeads(diff)), isCut: diff.length >= DIFF_CUT_AT };
  const { old_string: old, new_string: now, content } = input && typeof input === "object" ? input : {};
  if (tool === "Write" && typeof content === "string") return { lines: linesOfPatch(hunk("", content)), isCut: false };
  const isEdit = typeof old === "string" && typeof now === "string";
  return { lines: isEdit ? linesOfPatch(hunk(old, now)) : [], isCut: false };
}

/** Each file begins with a head of Git, which says where the lines of the one before have ended. */
const withHeads = (diff) =>
  diff.replace(/^--- (.*)\n\+\+\+ (.*)\n(?=@@ )/gm, (_, old, now) => {
    const path = (now === "/dev/null" ? old : now).replace(/\t.*$/, "").replace(/^[ab]\//, "");
    return `diff --git a/${path} b/${path}\n`;
  });

function hunk(old, now) {
  const signed = (text, sign) => (text ? text.replace(/\n$/, "").split("\n").map((line) => `${sign}${line}\n`).join("") : "");
  return `@@ -1 +1 @@\n${signed(old, "-")}${signed(now, "+")}`;
}
