/** The conversation of a session, drawn only where it is looked at. */
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { useTimeline } from "../model/session-data.js";
import { Timeline } from "../model/timeline.js";
import { ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { TimelineItem } from "../parts/timeline-item.js";
import { VirtualList } from "../parts/virtual-list.js";

/** The timeline; it stays at its end as long as the reader does. */
export function Conversation({ session, jobs }) {
  const { items, hasEarlier, ready, error, earlier, begin } = useTimeline(session.session_name,
    () => new Timeline({ backend: session.backend ?? "" }));
  const [atEnd, setAtEnd] = useState(true);
  const [opened, setOpened] = useState(() => new Set());
  const list = useRef(null);
  const toggle = useCallback((key) => setOpened((before) => toggled(before, key)), []);
  const ran = JSON.stringify(jobs.filter((job) => job.ended_at).map((job) => [job.job_id, job.run_seconds]));
  const ranOf = useMemo(() => new Map(JSON.parse(ran)), [ran]);
  const draw = useCallback(
    (item) => html`<${TimelineItem} item=${item} session=${session.session_name} ranOf=${ranOf} open=${opened.has(item.key)}
      onToggle=${toggle} />`,
    [session.session_name, ranOf, opened, toggle],
  );
  useEffect(() => {
    if (ready) list.current?.toEnd();
  }, [ready]);

  const beginning = ready && items.length ? html`<span>Beginning</span>` : "";
  const before = html`<div class="line-start">${hasEarlier ? "Reading what was before…" : beginning}</div>`;
  return html`<div class="line-box">
    ${error && html`<div class="page"><${ProblemLine} error=${error} onAgain=${begin} /></div>`}
    ${ready && !items.length && !error && html`<${Quiet} session=${session} jobs=${jobs} />`}
    <${VirtualList} handle=${list} items=${items} keyOf=${keyOf} draw=${draw} guess=${56} label="Conversation" role="feed" className="line"
      stickToEnd onAtEnd=${setAtEnd} onStart=${earlier} before=${before} />
    <button class=${`button small to-end${atEnd ? " away" : ""}`} data-to-end aria-hidden=${atEnd}
      tabindex=${atEnd ? -1 : 0} onClick=${() => list.current.toEnd()}>
      <${Icon} name="down" size=${12} />Newest</button>
  </div>`;
}

const keyOf = (item) => item.key;
const toggled = (set, key) => {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
};

function Quiet({ session }) {
  const waits = session.status === "pending";
  return html`<div class="empty quiet-line">
    <p>${waits ? "Nothing has been said yet: it waits to be run." : "Nothing has been said yet."}</p></div>`;
}
