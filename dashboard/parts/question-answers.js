/** What can be answered to a question: yes or no, one of some choices, words, a form. */
import { useKept } from "../browser/drafts.js";
import { html, useApp, useLayoutEffect, useRef, useState } from "../browser/ui.js";
import { shown } from "../model/plain-text.js";
import { draftOf } from "../model/questions.js";
import { Icon } from "./icons.js";
import { QuestionForm } from "./question-form.js";

/** The controls for a question that is open; `onAnswer` is given the body of the answer. */
export function QuestionAnswers({ question, disabled, onAnswer }) {
  const Kind = KINDS[question.kind];
  return html`<${Kind} question=${question} disabled=${disabled} onAnswer=${onAnswer} />`;
}

/** A button that answers; of a pointer, a second press on the spot of one that has just acted does nothing. */
function Answer({ onPress, class: className = "button", children, ...props }) {
  const { presses } = useApp();
  const press = (event) => (event.detail > 0 && presses.isSlip(event)) || onPress();
  return html`<button type="button" class=${className} ...${props} onClick=${press}>${children}</button>`;
}

const Key = ({ name }) => html`<kbd aria-hidden="true">${name}</kbd>`;

function Permission({ question, disabled, onAnswer }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div class="answer-acts">
      <${Answer} class="button primary" data-answer="y" disabled=${disabled} onPress=${() => onAnswer({ decision: "allow" })}>
        <${Icon} name="check" size=${14} />Allow<${Key} name="y" /><//>
      <${Answer} data-answer="n" disabled=${disabled} onPress=${() => onAnswer({ decision: "deny" })}>
        <${Icon} name="close" size=${14} />Deny<${Key} name="n" /><//>
      <button type="button" class="button plain" data-answer="a" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
        Deny in words…<${Key} name="a" /></button>
    </div>
    ${isOpen && html`<${Words} id=${question.question_id} label="Why not, or what it should do instead" text="Deny with these words"
      hint="The agent is told this. An answer is about this one call: what it may do unasked, its blueprint says." focus
      disabled=${disabled} onLeave=${() => setOpen(false)} onSend=${(message) => onAnswer({ decision: "deny", message })} />`}`;
}

function Choice({ question, disabled, onAnswer }) {
  return html`<div class="choices" role="group" aria-label="Choices">
    ${question.choices.map(({ label, description }, place) => html`<${Answer} key=${label} class="button choice" disabled=${disabled}
      data-answer=${place === 0 ? "a" : undefined} data-focus onPress=${() => onAnswer({ answer: label })}>
      <b>${shown(label)}</b>${description && html`<span class="soft">${shown(description)}</span>`}<//>`)}
  </div>
  ${question.other_words && html`<${Words} id=${question.question_id} label="Or in words of your own" text="Answer" hint="Enter sends"
    disabled=${disabled} onSend=${(answer) => onAnswer({ answer })} />`}`;
}

const Text = ({ question, disabled, onAnswer }) => html`<${Words} id=${question.question_id} label="Your answer" text="Answer"
  hint="Enter sends, Shift Enter begins a line" isFirst disabled=${disabled} onSend=${(answer) => onAnswer({ answer })} />`;

/** Some words that are sent with Enter; what is written stays over a reload. */
function Words({ id, label, text, hint, focus, isFirst, disabled, onSend, onLeave }) {
  const [draft, setDraft] = useKept(draftOf(id), "");
  const field = useRef(null);
  useLayoutEffect(() => {
    if (focus) field.current.focus();
  }, []);
  const send = () => (draft.trim() ? onSend(draft.trim()) : field.current.focus());
  const onKey = (event) => {
    if (event.key === "Escape") return onLeave ? onLeave() : field.current.blur();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return undefined;
    event.preventDefault();
    return send();
  };
  return html`<div class="answer-words field">
    <label for=${`words-${id}`}>${label}</label>
    <textarea class="textarea" id=${`words-${id}`} ref=${field} rows="2" data-answer=${isFirst ? "a" : undefined} value=${draft}
      onInput=${(event) => setDraft(event.target.value)} onKeyDown=${onKey}></textarea>
    <div class="answer-acts"><${Answer} class="button primary" disabled=${disabled || !draft.trim()} onPress=${send}>
      <${Icon} name="send" size=${14} />${text}<//><span class="hint">${hint}</span></div></div>`;
}

const KINDS = { permission: Permission, choice: Choice, text: Text, form: QuestionForm };
