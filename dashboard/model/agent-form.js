/** An agent as a form, and back: pure, with what is wrong in each field. */
import { BACKENDS } from "./backends.js";
import { readPairs } from "./names.js";

const OBJECTS = ["mcp_servers", "limits", "options"];
const WORD = /^[a-z]+$/;
// What the form does not show stays as somebody wrote it.
const KEPT = ["permissions", "questions", "retries", "fallbacks", "stalls", "verify", "verify_attempts", "output_schema"];

/** Fills the form with an agent; a copy gets another name. */
export function formOf(agent, { copy }) {
  const json = (value) => (value && Object.keys(value).length ? JSON.stringify(value, null, 2) : "");
  return {
    name: agent ? (copy ? `${agent.name}-copy` : agent.name) : "",
    description: agent?.description ?? "",
    backend: agent?.backend ?? "claude",
    command: (agent?.command ?? []).map(quoted).join(" "),
    model: agent?.model ?? "",
    labels: Object.entries(agent?.labels ?? {}).map(([key, value]) => `${key}=${value}`).join(", "),
    system_prompt: agent?.system_prompt ?? "",
    mcp_servers: json(agent?.mcp_servers),
    limits: json(agent?.limits),
    options: json(agent?.options),
    sandbox: typeof agent?.sandbox === "string" ? agent.sandbox : json(agent?.sandbox),
    kept: Object.fromEntries(KEPT.filter((name) => agent?.[name] != null).map((name) => [name, agent[name]])),
  };
}

/** Whether a blueprint of this kind names its program; of a kind that is not known here it may. */
export const takesCommand = (backend) => BACKENDS[backend]?.takesCommand ?? true;

/** What the options of this kind are called, for who writes them. */
export const optionNames = (backend) => BACKENDS[backend]?.options ?? [];

/** What is wrong in each field; empty texts where nothing is. */
export function agentProblems(form, { isNew, taken }) {
  const problems = { name: isNew ? nameProblem(form.name, taken) : "", labels: readPairs(form.labels).problem, command: "" };
  if (BACKENDS[form.backend]?.takesCommand) problems.command = commandProblem(form.command);
  for (const name of OBJECTS) problems[name] = objectProblem(form[name]);
  problems.sandbox = WORD.test(form.sandbox.trim()) ? "" : objectProblem(form.sandbox);
  return problems;
}

function nameProblem(name, taken) {
  if (!name) return "An agent needs a name";
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/.test(name)) return "Letters, digits, - and _ only, at most 60";
  return taken.includes(name) ? "There is an agent of this name already" : "";
}

function commandProblem(text) {
  if (!text.trim()) return "Which program is it?";
  return splitCommand(text) ? "" : "A quote is not closed";
}

function objectProblem(text) {
  if (!text.trim()) return "";
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? "" : "An object is expected: { … }";
  } catch (error) {
    return `Not JSON yet: ${error.message.replace(/^JSON\.parse: /, "")}`;
  }
}

/** The body of the request that writes this agent. */
export function bodyOf(form) {
  const object = (text) => (text.trim() ? JSON.parse(text) : {});
  // Kept where it is not shown, too: what somebody wrote is theirs.
  const command = splitCommand(form.command) ?? [];
  return {
    ...form.kept,
    description: form.description.trim(),
    backend: form.backend,
    ...(command.length ? { command } : {}),
    model: form.model.trim() || null,
    labels: readPairs(form.labels).pairs,
    limits: object(form.limits),
    options: object(form.options),
    system_prompt: form.system_prompt,
    mcp_servers: object(form.mcp_servers),
    sandbox: sandboxIn(form.sandbox.trim()),
  };
}

function sandboxIn(text) {
  if (!text) return null;
  return WORD.test(text) ? text : JSON.parse(text);
}

const quoted = (word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

/** Splits a command line as a shell does with quotes, and does nothing else of a shell; null if a quote stays open. */
export function splitCommand(text) {
  const words = [];
  let word = null;
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quote) {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  if (quote) return null;
  return word === null ? words : [...words, word];
}
