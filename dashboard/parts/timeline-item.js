/** One item of a conversation: words, a tool that was used, a run, an end. */
import { link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { readNews } from "../model/news.js";
import { reasonWords } from "../model/reasons.js";
import { piecesOf, toolSummary } from "../model/tools.js";
import { count, money, tokens } from "./amounts.js";
import { Copy } from "./controls.js";
import { Icon } from "./icons.js";
import { CodeBlock, Markdown } from "./markdown.js";
import { News } from "./news.js";
import { AskedItem } from "./question.js";
import { Drawing, look, Sign } from "./status.js";
import { between, clock, exact, Lasting, RanFor, span } from "./time.js";

const OUTPUT_SHOWN = 20_000;

/** Draws an item; tool calls are folded until they are opened. */
export function TimelineItem(props) {
  const Kind = KINDS[props.item.kind];
  return html`<article class=${`entry ${props.item.kind}`} data-kind=${props.item.kind}
    aria-label=${LABELS[props.item.kind]}><${Kind} ...${props} /></article>`;
}

const LABELS = {
  user: "Message to the agent",
  agent: "The agent's words",
  tool: "Tool call",
  question: "Question",
  run: "Run",
  result: "Result",
  failure: "Failure",
  note: "Note",
};

const At = ({ at }) => html`<time class="at num" datetime=${at} title=${exact(at)}>${clock(at)}</time>`;

function User({ item }) {
  const news = readNews(item.text);
  if (news) {
    return html`<div class="words"><div class="who">News from the runtime<${At} at=${item.at} /></div><${News} news=${news} /></div>`;
  }
  return html`<div class="words">
    <div class="who">To the agent<${At} at=${item.at} /><${Copy} text=${item.text} label="Copy message" /></div>
    <div class="asked">${item.text}</div></div>`;
}

/** An agent writes Markdown; what a program prints is taken as it is. */
const Said = ({ item }) => (item.plain ? html`<pre class="plain-text">${item.text}</pre>` : html`<${Markdown} text=${item.text} />`);

function Agent({ item }) {
  return html`<div class="words"><${Said} item=${item} />
    <div class="corner"><${At} at=${item.at} /><${Copy} text=${item.text} label="Copy answer" /></div></div>`;
}

function Tool({ item, open, onToggle }) {
  const seconds = item.endedAt ? between(item.at, item.endedAt) : 0;
  const took = seconds >= 0.1 ? span(seconds) : "";
  return html`<button class="tool-line" aria-expanded=${open} onClick=${() => onToggle(item.key)}>
      <${Icon} name=${open ? "down" : "right"} size=${12} />
      <span class="tool-name">${item.tool}</span>
      <span class="cut tool-about mono">${toolSummary(item.input)}</span>
      <span class="tool-end num">${item.state === "running" ? html`<${Lasting} from=${item.at} />` : took}</span>
      <${Sign} status=${item.state} />
    </button>
    ${open && html`<div class="tool-body">
      ${[...piecesOf("Input", item.input), ...piecesOf(item.state === "failed" ? "Error" : "Output", item.output)]
        .map((piece, place) => html`<${Part} key=${place} ...${piece} />`)}</div>`}`;
}

function Part({ title, text, language }) {
  const shown = text.length > OUTPUT_SHOWN
    ? `${text.slice(0, OUTPUT_SHOWN)}\n… ${text.length - OUTPUT_SHOWN} more characters (copy takes all)` : text;
  return html`<div class="tool-part"><div class="part-title">${title}</div>
    <${CodeBlock} code=${shown} copied=${text} language=${language} /></div>`;
}

function Run({ item, session, ranOf }) {
  const { store } = useApp();
  const [word, tone, drawing] = look(item.state);
  const launcher = store.get().launchers?.find((one) => one.launcher_id === item.launcherId);
  return html`<a class="run-line" href=${link("sessions", session, "jobs", item.jobId)} title="Attempts and raw log">
    <span class="status" data-tone=${tone}><${Drawing} name=${drawing} />${word}</span>
    ${item.startedAt && html`<${RanFor} seconds=${ranOf.get(item.jobId)} from=${item.startedAt}
      to=${item.state === "lost" ? item.lostAt : item.endedAt} />`}
    ${launcher && html`<span class="cut">on ${launcher.name || launcher.hostname}</span>`}
    <span class="rule"></span><${At} at=${item.at} /></a>`;
}

const ENDINGS = {
  failed: ["Ended with an error", "failed", "cross"],
  asks: ["Asks for an answer", "asks", "question"],
  answered: ["Answered", "finished", "check"],
  stopped: ["Stopped", "quiet", "square"],
};

function Result({ item }) {
  const calls = item.calls ? `${item.calls} model ${item.calls === 1 ? "call" : "calls"}` : "";
  const used = tokens(item.usage) ? `${count(tokens(item.usage))} tokens` : "";
  const facts = [calls, used, money(item.cost)];
  const [word, tone, drawing] = ENDINGS[item.stopped ? "stopped" : item.failed ? "failed" : item.asks ? "asks" : "answered"];
  return html`${item.text && html`<div class="words"><${Said} item=${item} /></div>`}
    <div class="end-line" data-tone=${tone}><${Drawing} name=${drawing} />
      ${word}<span class="faint num">${facts.filter(Boolean).join(" · ")}</span><${At} at=${item.at} /></div>`;
}

function Failure({ item }) {
  return html`<div class="failed-box">
    <div class="row">
      <span class="status" data-tone="failed"><${Drawing} name="cross" />Failed: ${reasonWords(item.reason)}</span>
      <${At} at=${item.at} /></div>
    ${item.text && html`<pre tabindex="0" role="group" aria-label="Error">${item.text}</pre>`}
  </div>`;
}

function Note({ item }) {
  return html`<div class="end-line" data-tone=${item.tone}><i></i>
    ${item.link ? html`<a href=${link("sessions", item.link)}>${item.text}</a>` : item.text}<${At} at=${item.at} /></div>`;
}

const KINDS = { user: User, agent: Agent, tool: Tool, question: AskedItem, run: Run, result: Result, failure: Failure, note: Note };
