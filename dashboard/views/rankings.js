/** Is it healthy, what does it cost, what is slow: five short lists of the overview, in which each line leads on. */
import { link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { Ranking } from "../charts/ranking.js";
import { failures, loads, slowest, waits } from "../model/rankings.js";
import { useReading } from "../model/reading.js";
import { useStore } from "../model/store.js";
import { exactly, money } from "../parts/amounts.js";
import { look } from "../parts/status.js";
import { span } from "../parts/time.js";

const QUEUE_READ = 200;
const DAYS = 14;

/** The lists; `Picture` is the overview's frame. */
export function Rankings({ overview, Picture }) {
  const { jobs_timeline: jobs, cost_by_tree: trees, since_at: since, until_at: until } = overview;
  const start = Date.parse(since);
  const failed = failures(jobs, start).map(([text, value]) => ({
    key: text, text, value, said: exactly(value), tone: "failed", href: link("sessions", { status: "failed", order: "cause" }),
  }));
  const slow = slowest(jobs, start, until).map((job) => ({
    key: job.job_id, text: job.session_name, value: job.seconds, said: `${span(job.seconds)}${job.ended_at ? "" : " so far"}`,
    tone: look(job.status)[1], href: link("sessions", job.session_name, "jobs", job.job_id),
  }));
  const dear = trees.map((tree) => ({
    key: tree.session_name, text: tree.session_name, value: tree.cost_usd, said: money(tree.cost_usd), tone: "chart-1",
    href: link("sessions", tree.session_name, "tree"),
  }));
  return html`
    <${Picture} title="Failures by cause"><${Ranking} label="Failures by cause" rows=${failed} nothing="Nothing failed." /><//>
    <${Waits} Picture=${Picture} />
    <${Loads} Picture=${Picture} />
    <${Picture} title="Longest runs"><${Ranking} label="Longest runs" rows=${slow} nothing="Nothing ran." /><//>
    <${Picture} title="Cost by tree" note=${html`<span class="key">last ${DAYS} days</span>`} wide>
      <${Ranking} label="Cost by tree" rows=${dear} nothing="Nothing had a cost." /><//>`;
}

function Waits({ Picture }) {
  const { api } = useApp();
  const queue = useReading(() => api.get("jobs", { order: "run", limit: QUEUE_READ }),
    { key: "overview queue", concerns: (event) => event.type.startsWith("job.") });
  const { jobs = [], waiting = 0 } = queue.value ?? {};
  const rows = waits(jobs).map(([text, value]) => ({ key: text, text, value, said: exactly(value), tone: "waited", href: link("queue") }));
  const note = waiting > jobs.length && html`<span class="key">the first ${jobs.length} of ${exactly(waiting)}</span>`;
  return html`<${Picture} title="Waiting by reason" note=${note}>
    <${Ranking} label="Waiting by reason" rows=${rows} nothing="Nothing waits." /><//>`;
}

function Loads({ Picture }) {
  const rows = loads(useStore((state) => state.launchers) ?? []).map((one) => ({
    key: one.launcher_id, text: one.name || one.hostname, value: one.running_jobs, of: one.max_jobs ?? undefined, tone: "running",
    said: one.max_jobs ? `${one.running_jobs} of ${one.max_jobs}` : `${one.running_jobs}, no limit`,
    href: link("sessions", { launcher: one.launcher_id }),
  }));
  return html`<${Picture} title="Launchers by load">
    <${Ranking} label="Launchers by load" rows=${rows} nothing="No launcher is here." /><//>`;
}
