/** What an agent gave to a tool and got from it, as people read it: pure. */
import { shown } from "./plain-text.js";

const SUMMARY_KEYS = ["command", "pattern", "query", "url", "file_path", "path", "description", "prompt", "session_name", "name"];

/** One line that says what a tool call is about. */
export const toolSummary = (input) => shown(summary(input));

function summary(input) {
  if (input === null || input === undefined) return "";
  if (typeof input !== "object") return String(input);
  const key = SUMMARY_KEYS.find((name) => typeof input[name] === "string" && input[name]);
  if (key) return input[key].split("\n")[0];
  const entries = Object.entries(input);
  const about = ([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`;
  return entries.map(about).join(", ").slice(0, 200);
}

/**
 * The pieces of what went into a tool or came out: what a shell got and printed is text, what has another shape is data.
 * Beside a command only the facts that tell something are shown, unless `isWhole`.
 * @returns {{title: string, text: string, language: string}[]}
 */
export function piecesOf(title, value, { isWhole = false } = {}) {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") return [{ title, text: String(value), language: "" }];
  if (isListOfTexts(value)) return [{ title, text: value.map((part) => part.text).join("\n"), language: "" }];
  const { command, stdout, stderr, exit_code: exit, ...rest } = Array.isArray(value) ? { rest: value } : value;
  const pieces = [];
  if (typeof command === "string") pieces.push({ title, text: command, language: "sh" });
  if (typeof stdout === "string") pieces.push({ title: exit ? `${title}, exit ${exit}` : title, text: stdout, language: "" });
  if (typeof stderr === "string" && stderr) pieces.push({ title: "Error output", text: stderr, language: "" });
  const data = pieces.length ? (isWhole ? rest : tellingFacts(rest)) : value;
  if (Object.keys(data).length || !pieces.length) {
    pieces.push({ title: pieces.length ? "Further" : title, text: JSON.stringify(data, null, 2), language: "json" });
  }
  return pieces;
}

const isListOfTexts = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((part) => part?.type === "text" && typeof part.text === "string");

const tellingFacts = (facts) => Object.fromEntries(Object.entries(facts).filter(([, value]) => value));
