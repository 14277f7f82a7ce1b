/** The inbox: what agents ask, each question whole, with what can be answered; and one question by itself. */
import { go, link } from "../browser/router.js";
import { html, useState } from "../browser/ui.js";
import { isUnreachable } from "../model/api.js";
import { useInbox } from "../model/questions.js";
import { useStore } from "../model/store.js";
import { exactly } from "../parts/amounts.js";
import { Bell } from "../parts/bell.js";
import { Empty, Filters, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { QuestionCard, ReadCard } from "../parts/question.js";
import { Unread } from "../parts/unread.js";

const STATUSES = [["", "Open"], ["answered", "Answered"], ["expired", "Expired"], ["withdrawn", "Withdrawn"]];
const SHOWN_FIRST = 30;

/** The view at `#/questions` and `#/questions/ID`. */
export function QuestionsView({ route }) {
  const [, id] = route.path;
  return id ? html`<${One} key=${id} id=${id} />` : html`<${Inbox} query=${route.query} />`;
}

function One({ id }) {
  return html`<header class="bar"><a class="button plain icon small" href=${link("questions")} aria-label="All questions">
      <${Icon} name="back" /></a><h1>A question</h1></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Question">
      <div class="page questions"><${ReadCard} id=${id} named focus /></div></div>`;
}

function Inbox({ query }) {
  const status = query.get("status") ?? "";
  const session = query.get("session") ?? "";
  const inbox = useInbox({ status: status || "open", session });
  const asked = useStore((state) => state.asked);
  const filter = (changes) => go(link("questions", { status, session, ...changes }), { replace: true });
  if (!inbox.value && isUnreachable(inbox.error)) return html`<${Unread} what="Questions" />`;
  const { questions = [], hasMore = false } = inbox.value ?? {};
  return html`
    <header class="bar"><h1>Questions</h1><span class="faint num" data-count>${asked > 0 && `${exactly(asked)} open`}</span>
      <div class="actions"><a class="button plain" href=${link("webhooks")} title="Who outside is told when an agent asks">
        <${Icon} name="send" size=${14} />Webhooks</a><${Bell} class="button plain">Notify me<//></div></header>
    <div class="bar second">
      <${Filters} label="Status" choices=${STATUSES} chosen=${status} onChoose=${(value) => filter({ status: value })} />
      ${session && html`<button type="button" class="button small" onClick=${() => filter({ session: "" })}>
        Session ${session}<${Icon} name="close" size=${12} /></button>`}</div>
    <div class="scroll" tabindex="0" role="region" aria-label="Questions">
      ${inbox.error && !isUnreachable(inbox.error)
        && html`<div class="page"><${ProblemLine} error=${inbox.error} onAgain=${inbox.again} /></div>`}
      ${inbox.value && !questions.length && html`<${Nothing} isOpen=${!status} />`}
      ${questions.length > 0 && html`<${Cards} key=${`${status} ${session}`} questions=${questions} hasMore=${hasMore} />`}
    </div>`;
}

function Cards({ questions, hasMore }) {
  const [number, setNumber] = useState(SHOWN_FIRST);
  const more = questions.length - number;
  return html`<div class="page questions">
    ${questions.slice(0, number).map((one) => html`<${QuestionCard} key=${one.question_id} question=${one} named />`)}
    ${more > 0 && html`<button type="button" class="button" onClick=${() => setNumber(number + SHOWN_FIRST)}>
      Show more: ${exactly(more)} are below</button>`}
    ${more <= 0 && hasMore && html`<p class="soft">There are older ones: only the newest ${exactly(questions.length)} are shown.</p>`}
  </div>`;
}

function Nothing({ isOpen }) {
  if (!isOpen) return html`<${Empty} icon="questions" title="No such question"><p>There is none with this end.</p><//>`;
  return html`<${Empty} icon="questions" title="Nobody asks anything">
    <p>What an agent may do unasked, and what it asks about, its blueprint says: <code>permissions</code>.</p>
    <a class="button" href=${link("agents")}><${Icon} name="agents" />Agents</a><//>`;
}
