const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds as people write them: `90`, `15m`, `2h 30m`; NaN for what is none of that. */
export function readSpan(text) {
  const words = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(words)) return Number(words);
  const parts = [...words.matchAll(/(\d+(?:\.\d+)?)\s*([smhd])\s*/g)];
  if (!parts.length || parts.map(([part]) => part).join("") !== words) return NaN;
  return parts.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
}

/** Names for sessions: what is allowed, and a suggestion that one can remember. */

const FIRST = (
  "amber brisk calm clear bold early fair fine glad green high keen kind late light mild neat north " +
  "plain quick quiet red sharp south still swift tidy warm west wise"
).split(" ");
const SECOND = (
  "arch ash bay beam birch brook cedar cliff cove dune elm fern field ford grove harbor hill lake larch " +
  "leaf mill moss oak path pine reed ridge rook shore stone vale wren"
).split(" ");

const pick = (words) => words[Math.floor(Math.random() * words.length)];

/** A free name for a session of this agent. */
export const suggestName = (agent) =>
  `${(agent || "session").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+/, "").slice(0, 36)}-${pick(FIRST)}-${pick(SECOND)}`;

/** What is wrong with a name; empty when nothing is. */
export function nameProblem(name) {
  if (!name) return "A session needs a name";
  if (name.length > 60) return `At most 60 characters, this has ${name.length}`;
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return "Letters, digits, - and _ only";
  if (name.startsWith("-")) return "A name like -x would be read as an option: begin with a letter or a digit";
  if (name.startsWith("ses_")) return "ses_ is how ids begin: choose another beginning";
  return "";
}

/** Reads `key=value` pairs, one per line or with commas between; the problem is empty when all of them are. */
export function readPairs(text) {
  const pairs = {};
  for (const piece of text.split(/[\n,]/).map((one) => one.trim()).filter(Boolean)) {
    const [, key, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(piece) ?? [];
    if (!key) return { pairs, problem: `“${piece}” is not key=value` };
    pairs[key] = value;
  }
  return { pairs, problem: "" };
}
