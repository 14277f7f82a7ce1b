/** A question: who asks what, until when and what holds then; how it is answered, or what became of it. */
import { link } from "../browser/router.js";
import { html, useApp, useLayoutEffect, useRef } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { shown } from "../model/plain-text.js";
import { askedWords, changeOf, endWords, isLong, thenWords, whoWords } from "../model/question-words.js";
import { useAnswering, useAsker, useQuestion } from "../model/questions.js";
import { piecesOf } from "../model/tools.js";
import { ProblemLine } from "./controls.js";
import { Icon } from "./icons.js";
import { CodeBlock } from "./markdown.js";
import { PatchLine } from "./patch-line.js";
import { QuestionAnswers } from "./question-answers.js";
import { ShownFirst } from "./shown-first.js";
import { Drawing } from "./status.js";
import { Ago, clock, exact, shortSpan, useEverySecond } from "./time.js";

const CHARACTERS_FIRST = 6000;
const LINES_FIRST = 100;
const HALF_A_DAY = 43_200;

/**
 * A question whole; `named` says which session asks, for where that is not clear already; with `focus` the keys that
 * answer mean it at once.
 */
export function QuestionCard({ question: asked, named = false, focus = false }) {
  const card = useRef(null);
  useLayoutEffect(() => {
    if (focus) card.current.focus({ preventScroll: true });
  }, []);
  const { question, isSending, problem, second, answer } = useAnswering(asked);
  const send = (body) => {
    // The button that was pressed goes: whoever uses the keyboard stays at the question.
    card.current.focus({ preventScroll: true });
    answer(body);
  };
  const isOpen = question.status === "open";
  return html`<article class="question-card" ref=${card} tabindex="0" data-row data-question=${question.question_id}
    data-status=${question.status} data-tone=${isOpen ? "asks" : "quiet"} aria-busy=${isSending} aria-label=${askedWords(question)}>
    <header class="question-head"><${Drawing} name="question" />
      <h2>${named && html`<a href=${link("sessions", question.session_name)}>${question.session_name}</a>${" · "}`}
        ${askedWords(question)}</h2>
      <a class="faint num" href=${link("questions", question.question_id)} title="This question by itself">
        <${Ago} at=${question.asked_at} suffix=" ago" /></a></header>
    <${Shown} question=${question} />
    ${isOpen && html`<${Terms} question=${question} />
      <${QuestionAnswers} question=${question} disabled=${isSending} onAnswer=${send} />`}
    <div role="status">
      ${second && html`<p class="came-second">${second}</p>`}
      ${problem && html`<p class="hint wrong" role="alert">${problem}</p>`}
      ${!isOpen && html`<${Settled} question=${question} />`}</div>
  </article>`;
}

function Terms({ question }) {
  const { now } = useApp();
  const { expires_at: at } = question;
  const asker = useAsker(question, question.parent !== "nothing");
  const left = useEverySecond(() => Math.max(0, (Date.parse(at) - now()) / 1000), [at]);
  return html`<p class="question-terms faint">${whoWords(question, asker?.parent_session_name)}. Until${" "}
    <time class="num" datetime=${at}>${left < HALF_A_DAY ? clock(at) : exact(at)}</time>
    ${" "}(<span class="num">${shortSpan(left)}</span> left); then ${thenWords(question)}.</p>`;
}

function Settled({ question }) {
  const { text, tone, drawing, said } = endWords({ ...question, by: question.answered_by });
  return html`<div class="question-end" data-tone=${tone}><span class="status"><${Drawing} name=${drawing} />${text}</span>
    <span class="faint"><${Ago} at=${question.settled_at} suffix=" ago" /></span>
    ${said && html`<div class="question-said">${said}</div>`}</div>`;
}

/** What it wants to do, in full: the change, the command, or all that the tool is given. */
function Shown({ question }) {
  const { kind, text, tool, input } = question;
  if (kind !== "permission") return isLong(question) && html`<p class="question-text">${shown(text)}</p>`;
  const { lines, isCut } = changeOf(question);
  const path = input?.file_path ?? input?.paths?.join(", ");
  return html`<div class="question-shown">
    ${text && text !== tool && html`<p class="question-text">${shown(text)}</p>`}
    ${lines.length > 0 ? html`
      ${path && lines[0].kind !== "file" && html`<div class="part-title mono">${shown(path)}</div>`}
      <${Change} lines=${lines} isCut=${isCut} />
      <details class="more"><summary>All that ${tool} is given</summary><${Given} input=${input} /></details>`
      : html`<${Given} input=${input} />`}</div>`;
}

function Given({ input }) {
  const pieces = piecesOf("Input", input, { isWhole: true });
  if (!pieces.length) return html`<p class="faint">It is given nothing.</p>`;
  return pieces.map(({ title, text, language }, place) => html`<div key=${place}>
    ${place > 0 && html`<div class="part-title">${title}</div>`}
    <${ShownFirst} all=${text.length} first=${beginningOf(text)} what="characters"
      draw=${(number) => html`<${CodeBlock} code=${text.slice(0, number)} copied=${text} language=${language} />`} /></div>`);
}

/** How many characters are shown at first: nothing is hidden in a box of its own, in which lines could push it out of sight. */
function beginningOf(text) {
  let end = -1;
  for (let line = 0; line < LINES_FIRST; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) return CHARACTERS_FIRST;
  }
  return Math.min(end, CHARACTERS_FIRST);
}

function Change({ lines, isCut }) {
  return html`<${ShownFirst} all=${lines.length} first=${LINES_FIRST} what="lines" draw=${(number) => html`
      <div class="question-patch" role="list" aria-label="Change">
        ${lines.slice(0, number).map((line) => html`<${PatchLine} key=${line.key} line=${line} />`)}</div>`} />
    ${isCut && html`<p class="faint">The change is longer: its end is missing here, and stands in what the tool is given.</p>`}`;
}

/** A question in a conversation: whole while it is open, and where it was answered here; else one line that opens. */
export function AskedItem({ item, open, onToggle }) {
  const wasOpen = useRef(item.state === "open");
  if (wasOpen.current) return html`<${ReadCard} id=${item.questionId} />`;
  const { text, tone, drawing } = endWords({ ...item, status: item.state });
  return html`<button class="tool-line" aria-expanded=${open} onClick=${() => onToggle(item.key)}>
      <${Icon} name=${open ? "down" : "right"} size=${12} />
      <span class="tool-name">${item.tool ? `Asked: may it use ${item.tool}?` : "Asked"}</span><span class="grow"></span>
      <span class="status" data-tone=${tone}><${Drawing} name=${drawing} />${text}</span>
    </button>
    ${open && html`<${ReadCard} id=${item.questionId} />`}`;
}

/** A question by its id. */
export function ReadCard({ id, named, focus }) {
  const { value, error, again } = useQuestion(id);
  if (value) return html`<${QuestionCard} question=${value} named=${named} focus=${focus} />`;
  if (error?.status === 404) return html`<p class="soft">${sentence(error)}</p>`;
  return error ? html`<${ProblemLine} error=${error} onAgain=${again} />` : html`<div class="question-card coming" aria-busy="true"></div>`;
}
