/** A form that an agent asks to be filled in, as fields of the page, and what was filled in as an answer. Pure. */
import { shown } from "./plain-text.js";

const INPUTS = { email: "email", uri: "url", date: "date", "date-time": "text" };

/**
 * The fields of a form, in its order.
 * @returns {{name: string, title: string, hint: string, kind: "text"|"number"|"boolean"|"one"|"many", input: string,
 *            choices: {value: string, title: string}[], isNeeded: boolean, first: unknown, schema: object}[]}
 */
export function fieldsOf(form) {
  const needed = new Set(Array.isArray(form?.required) ? form.required : []);
  return Object.entries(form?.properties ?? {}).map(([name, said]) => {
    const schema = withoutNull(said);
    const kind = kindOf(schema);
    const first = schema.default ?? { boolean: false, many: [] }[kind] ?? "";
    const hint = shown(schema.description);
    return { name, title: shown(schema.title ?? name), hint, kind, input: INPUTS[schema.format] ?? "text", choices: choicesOf(schema),
      isNeeded: needed.has(name), first, schema };
  });
}

/** A field of which may be said that it is null, as code makes of an optional one, is what it is else. */
function withoutNull(said) {
  const others = (said.anyOf ?? []).filter((one) => one.type !== "null");
  const field = !said.type && others.length === 1 && !("const" in others[0]) ? { ...said, anyOf: undefined, ...others[0] } : said;
  return Array.isArray(field.type) ? { ...field, type: field.type.find((one) => one !== "null") } : field;
}

function kindOf(schema) {
  if (schema.type === "array") return "many";
  if (schema.enum || schema.oneOf) return "one";
  if (schema.type === "number" || schema.type === "integer") return "number";
  return schema.type === "boolean" ? "boolean" : "text";
}

function choicesOf(schema) {
  const within = schema.type === "array" ? (schema.items ?? {}) : schema;
  const named = within.oneOf ?? within.anyOf;
  if (named) return named.map((one) => ({ value: one.const, title: shown(one.title ?? String(one.const)) }));
  return (within.enum ?? []).map((value, place) => ({ value, title: shown(within.enumNames?.[place] ?? String(value)) }));
}

/**
 * What was filled in, as an answer; fields that are empty and need not be filled in are left out.
 * @returns {{answer: object, problems: Record<string, string>}}  a problem for each field that does not fit
 */
export function readForm(fields, values) {
  const answer = {};
  const problems = {};
  for (const field of fields) {
    const value = values[field.name] ?? field.first;
    const isEmpty = value === "" || (Array.isArray(value) && !value.length);
    const problem = isEmpty ? (field.isNeeded ? "This has to be filled in" : "") : problemOf(field, value);
    if (problem) problems[field.name] = problem;
    else if (!isEmpty) answer[field.name] = field.kind === "number" ? Number(value) : value;
  }
  return { answer, problems };
}

function problemOf({ kind, schema }, value) {
  if (kind === "text") return lengthProblem(schema, String(value).length);
  if (kind !== "number") return "";
  const number = Number(value);
  if (Number.isNaN(number)) return "A number is expected";
  if (schema.type === "integer" && !Number.isInteger(number)) return "A whole number is expected";
  if (number < schema.minimum) return `At least ${schema.minimum}`;
  return number > schema.maximum ? `At most ${schema.maximum}` : "";
}

function lengthProblem({ minLength: least, maxLength: most }, length) {
  if (length < least) return `At least ${least} characters, this has ${length}`;
  return length > most ? `At most ${most} characters, this has ${length}` : "";
}
