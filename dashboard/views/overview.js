/** The pictures: who ran when, how much came out, how long it waited, what it cost. */
import { go, link } from "../browser/router.js";
import { html, useApp, useEffect } from "../browser/ui.js";
import { Columns } from "../charts/columns.js";
import { CostChart } from "../charts/costs.js";
import { Lanes } from "../charts/lanes.js";
import { Lines } from "../charts/lines.js";
import { timeTicks } from "../charts/scale.js";
import { isUnreachable } from "../model/api.js";
import { useReading } from "../model/reading.js";
import { useStore } from "../model/store.js";
import { count } from "../parts/amounts.js";
import { Empty, Filters, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { clock, span } from "../parts/time.js";
import { Unread } from "../parts/unread.js";
import { Rankings } from "./rankings.js";

const TONES = [
  ["running", "runs", ["claimed", "running"]],
  ["finished", "completed", ["completed"]],
  ["failed", "failed", ["failed"]],
  ["lost", "lost", ["lost"]],
  ["quiet", "stopped", ["stopped"]],
];
const WINDOWS = [["hour", "Last hour"], ["day", "Last day"]];
const AGAIN_MS = 15_000;

/** The view at `#/overview`. */
export function OverviewView({ route }) {
  const { api } = useApp();
  const window = route.query.get("window") === "day" ? "day" : "hour";
  const reading = useReading(() => api.get("overview", { window }),
    { key: `overview ${window}`, concerns: (event) => /^job\.(started|completed|failed|stopped|lost)$/.test(event.type) });
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reading.again(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [window]);
  if (!reading.value && isUnreachable(reading.error)) return html`<${Unread} what="Overview" />`;
  return html`
    <header class="bar"><h1>Overview</h1>
      <${Filters} label="Window" choices=${WINDOWS} chosen=${window}
        onChoose=${(value) => go(link("overview", { window: value === "hour" ? "" : value }), { replace: true })} /></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Overview">
      ${reading.error && !isUnreachable(reading.error)
        && html`<div class="page"><${ProblemLine} error=${reading.error} onAgain=${reading.again} /></div>`}
      ${reading.value && html`<${Pictures} overview=${reading.value} window=${window} />`}
    </div>`;
}

function Pictures({ overview, window }) {
  const { jobs_timeline: jobs, throughput, waiting, cost_by_agent_day: costs } = overview;
  if (!jobs.length && !costs.length) return html`<${Nothing} />`;
  const since = Date.parse(overview.since_at);
  const until = Date.parse(overview.until_at);
  const step = overview.bucket_seconds * 1000;
  const within = { since, until, step };
  return html`<div class="page pictures">
    <${Figures} overview=${overview} window=${window} />
    <${Rankings} overview=${overview} Picture=${Picture} />
    <${Picture} title="Jobs by launcher" note=${html`<${Key} tone="waited" text="waited" />
      ${TONES.filter(([, , statuses]) => jobs.some((job) => statuses.includes(job.status)))
        .map(([tone, text]) => html`<${Key} key=${tone} tone=${tone} text=${text} />`)}`} wide>
      <${LanesOf} jobs=${jobs} since=${since} until=${until} />
      ${overview.truncated && html`<p class="faint">Only the newest ${count(jobs.length)} jobs are drawn.</p>`}
    <//>
    <${Picture} title="Jobs ended" note=${html`<${Key} tone="finished" text="completed" />
      <${Key} tone="failed" text="failed" /><${Key} tone="quiet" text="stopped" />`}>
      <${Throughput} throughput=${throughput} ...${within} /><//>
    <${Picture} title="Waiting time" note=${html`<${Key} tone="low" text="half waited less" />
      <${Key} tone="high" text="95% waited less" />`}>
      <${Lines} points=${waiting.map(waitingPoint)} ...${within} label=${`Waiting time, ${waiting.length} stretches`}
        say=${(value) => (value > 0.95 ? span(value) : value ? `${Math.round(value * 1000)}ms` : "0")} /><//>
    <${CostChart} costs=${costs} Picture=${Picture} Key=${Key} />
  </div>`;
}

const waitingPoint = ({ at, p50_seconds: low, p95_seconds: high }) => ({
  at: Date.parse(at),
  low,
  high,
  title: `${clock(at)}: half waited less than ${span(low)}, 95% less than ${span(high)}`,
});

function LanesOf({ jobs, since, until }) {
  const launchers = useStore((state) => state.launchers) ?? [];
  const names = new Map(launchers.map((launcher) => [launcher.launcher_id, launcher.name || launcher.hostname]));
  return html`<${Lanes} jobs=${jobs} nameOf=${(id) => names.get(id) ?? `${id.slice(0, 12)}…`} since=${since} until=${until} />`;
}

function Throughput({ throughput, since, until, step }) {
  const share = (at) => (at - since) / (until - since);
  const columns = throughput.map((one) => {
    const at = Date.parse(one.at);
    return {
      key: one.at,
      from: share(at),
      to: share(at + step),
      title: `${clock(one.at)}: ${one.completed} completed, ${one.failed} failed, ${one.stopped} stopped`,
      parts: [{ tone: "finished", value: one.completed }, { tone: "failed", value: one.failed }, { tone: "quiet", value: one.stopped }],
    };
  });
  const words = timeTicks(since, until, 500).map((at) => ({ at: share(at), text: clock(at) }));
  return html`<${Columns} columns=${columns} words=${words}
    label=${`Jobs ended, ${throughput.reduce((sum, one) => sum + one.completed, 0)} completed`} say=${count} />`;
}

function Picture({ title, note, wide, children }) {
  return html`<figure class=${`picture${wide ? " wide" : ""}`}>
    <figcaption><h2>${title}</h2><span class="keys-line">${note}</span></figcaption>${children}</figure>`;
}

const Key = ({ tone, text }) => html`<span class="key" data-tone=${tone}><i></i>${text}</span>`;

function Figures({ overview, window }) {
  const total = (pick) => overview.throughput.reduce((sum, one) => sum + pick(one), 0);
  const now = (status) => overview.jobs_timeline.filter((job) => job.status === status).length;
  const [running, waiting, lost] = ["running", "pending", "lost"].map(now);
  const waits = overview.waiting.map((one) => one.p50_seconds).sort((a, b) => a - b);
  const facts = [
    ["Running now", running, link("sessions", { status: "active" })],
    ["Waiting now", overview.truncated ? `${count(waiting)}+` : waiting, link("queue")],
    ...(lost ? [["Lost now", lost, link("sessions", { status: "needs_me" })]] : []),
    [`Completed, last ${window}`, total((one) => one.completed), link("sessions", { status: "rest" })],
    [`Failed, last ${window}`, total((one) => one.failed), link("sessions", { status: "failed", order: "cause" })],
    ["Usual wait", waits.length ? span(waits[Math.floor(waits.length / 2)]) : "–", link("queue")],
  ];
  return html`<dl class="figures wide">
    ${facts.map(([name, value, href]) => html`<div key=${name}><dt>${name}</dt>
      <dd class="num"><a href=${href}>${value}</a></dd></div>`)}</dl>`;
}

function Nothing() {
  return html`<${Empty} icon="overview" title="Nothing to draw yet">
    <p>As soon as jobs run, this page shows who ran when, how long they waited, and what they cost.</p>
    <a class="button primary" href=${link("new")}><${Icon} name="plus" />New session</a><//>`;
}
