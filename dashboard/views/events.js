/** The events of a session as they are: for whoever wants to know what exactly was told, and when. */
import { html, useCallback, useEffect, useRef, useState } from "../browser/ui.js";
import { RawEvents } from "../model/raw-events.js";
import { useTimeline } from "../model/session-data.js";
import { ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { CodeBlock } from "../parts/markdown.js";
import { exact, moment } from "../parts/time.js";
import { VirtualList } from "../parts/virtual-list.js";

const LINE_CHARACTERS = 300;
const OPEN_CHARACTERS = 20_000;

/** The view at `#/sessions/NAME/events`. */
export function EventsView({ session }) {
  const { items, hasEarlier, ready, error, earlier, begin } = useTimeline(session.session_name, makeLine);
  const [opened, setOpened] = useState(() => new Set());
  const list = useRef(null);
  const toggle = useCallback((seq) => setOpened((before) => toggled(before, seq)), []);
  const draw = useCallback((event) => html`<${Event} event=${event} open=${opened.has(event.seq)} onToggle=${toggle} />`, [opened]);
  useEffect(() => {
    if (ready) list.current?.toEnd();
  }, [ready]);
  const before = html`<div class="line-start">${hasEarlier ? "Reading what was before…" : ready && "Beginning"}</div>`;
  return html`<div class="line-box">
    ${error && html`<div class="page"><${ProblemLine} error=${error} onAgain=${begin} /></div>`}
    <${VirtualList} handle=${list} items=${items} keyOf=${keyOf} draw=${draw} guess=${28} label="Events" role="log" className="events"
      stickToEnd onStart=${earlier} before=${before} /></div>`;
}

const makeLine = () => new RawEvents();
const keyOf = (event) => event.seq;
const toggled = (set, key) => {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
};

function Event({ event, open, onToggle }) {
  const text = JSON.stringify(event.data);
  const whole = open ? JSON.stringify(event, null, 2) : "";
  return html`<div class="event" data-type=${event.type}>
    <button type="button" class="event-line" aria-expanded=${open} onClick=${() => onToggle(event.seq)}>
      <${Icon} name=${open ? "down" : "right"} size=${12} /><span class="num faint seq">${event.seq}</span>
      <time class="num faint" datetime=${event.at} title=${exact(event.at)}>${moment(event.at)}</time>
      <b>${event.type}</b><span class="cut soft mono">${text.slice(0, LINE_CHARACTERS)}</span></button>
    ${open && html`<${CodeBlock} code=${whole.slice(0, OPEN_CHARACTERS)} copied=${whole} language="json" />`}</div>`;
}
