/** The form that an agent asks to be filled in. */
import { useKept } from "../browser/drafts.js";
import { html, useState } from "../browser/ui.js";
import { fieldsOf, readForm } from "../model/question-form.js";
import { draftOf } from "../model/questions.js";
import { Field } from "./field.js";
import { Icon } from "./icons.js";

const LONG_CHARACTERS = 200;

/** `onAnswer` is given what was filled in, once all of it fits. */
export function QuestionForm({ question, disabled, onAnswer }) {
  const fields = fieldsOf(question.form);
  const [values, setValues] = useKept(draftOf(question.question_id), {});
  const [problems, setProblems] = useState({});
  const set = (name, value) => setValues({ ...values, [name]: value });
  const send = (event) => {
    event.preventDefault();
    const read = readForm(fields, values);
    setProblems(read.problems);
    if (!Object.keys(read.problems).length) onAnswer({ answer: read.answer });
  };
  return html`<form class="answer-form" onSubmit=${send} noValidate>
    ${fields.map((field, place) => html`<${FormField} key=${field.name} field=${field} value=${values[field.name] ?? field.first}
      problem=${problems[field.name]} isFirst=${place === 0} onInput=${(value) => set(field.name, value)} />`)}
    <div class="answer-acts"><button class="button primary" disabled=${disabled}><${Icon} name="send" size=${14} />Answer</button></div>
  </form>`;
}

function FormField({ field, value, problem, isFirst, onInput }) {
  const label = field.isNeeded ? field.title : `${field.title} (optional)`;
  const answer = isFirst ? { "data-answer": "a" } : {};
  if (field.kind === "many") return html`<${Many} label=${label} field=${field} chosen=${value} problem=${problem} onInput=${onInput} />`;
  if (field.kind === "boolean") {
    return html`<div class="field"><label class="check"><input type="checkbox" ...${answer} checked=${value === true}
      onChange=${(event) => onInput(event.target.checked)} />${field.title}</label><div class="hint">${field.hint}</div></div>`;
  }
  return html`<${Field} label=${label} hint=${field.hint} problem=${problem}>
    ${(props) => html`<${Control} field=${field} value=${value} props=${{ ...props, ...answer }} onInput=${onInput} />`}
  <//>`;
}

function Control({ field, value, props, onInput }) {
  const { kind, choices, schema } = field;
  const typed = (event) => onInput(event.target.value);
  if (kind === "one") {
    return html`<select class="select" ...${props} onChange=${(event) => onInput(choices[event.target.value]?.value ?? "")}>
      <option value="">Choose…</option>
      ${choices.map((one, place) => html`<option key=${place} value=${place} selected=${one.value === value}>${one.title}</option>`)}
    </select>`;
  }
  if (kind === "text" && (schema.maxLength > LONG_CHARACTERS || String(value).includes("\n"))) {
    return html`<textarea class="textarea" ...${props} value=${value} onInput=${typed}></textarea>`;
  }
  return html`<input class="input" ...${props} type=${kind === "number" ? "text" : field.input} autocomplete="off"
    inputmode=${kind === "number" ? "decimal" : undefined} value=${value} onInput=${typed} />`;
}

function Many({ label, field, chosen, problem, onInput }) {
  const toggle = (value) => onInput(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return html`<fieldset class="field many"><legend>${label}</legend>
    ${field.choices.map((one) => html`<label class="check" key=${one.value}><input type="checkbox" checked=${chosen.includes(one.value)}
      onChange=${() => toggle(one.value)} />${one.title}</label>`)}
    ${!field.choices.length && html`<input class="input" aria-label=${label} value=${chosen.join(", ")}
      onChange=${(event) => onInput(event.target.value.split(",").map((one) => one.trim()).filter(Boolean))} />`}
    <div class=${`hint${problem ? " wrong" : ""}`}>${problem || field.hint}</div></fieldset>`;
}
