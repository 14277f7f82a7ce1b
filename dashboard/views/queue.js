/** What waits, and why. */
import { Command, Empty, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { Ago } from "../parts/time.js";
import { waitWords } from "../reasons.js";
import { link } from "../router.js";
import { useReading } from "../session-data.js";
import { useStore } from "../store.js";
import { html, useApp } from "../ui.js";

const LIMIT = 200;

/** The view at `#/queue`. */
export function QueueView() {
  const { api, now } = useApp();
  const read = async () => {
    const { jobs, next_cursor: more } = await api.get("jobs", { status: "pending", limit: LIMIT });
    return { jobs: jobs.map((job) => ({ ...job, readAt: now() })), more: Boolean(more) };
  };
  const queue = useReading(read, { key: "queue", concerns: (event) => event.type.startsWith("job.") || event.type.startsWith("launcher.") });
  const jobs = queue.value?.jobs ?? [];
  return html`
    <header class="bar"><h1>Queue</h1><span class="faint num">${jobs.length ? `${jobs.length}${queue.value.more ? "+" : ""} waiting` : ""}</span></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Queue">
      ${queue.error && html`<div class="page"><${ProblemLine} error=${queue.error} onAgain=${queue.again} /></div>`}
      ${queue.value && !jobs.length && html`<${NothingWaits} />`}
      ${jobs.length > 0 && html`<div class="page">${queue.value.more && html`<p class="soft">These are the newest ${LIMIT}; older ones wait too, and each has its turn before these of its priority.</p>`}
        <${Groups} jobs=${jobs} more=${queue.value.more} again=${queue.again} /></div>`}
    </div>`;
}

function NothingWaits() {
  const launchers = useStore((state) => state.launchers);
  const alive = launchers?.filter((launcher) => launcher.status === "alive").length ?? 0;
  return html`<${Empty} icon="queue" title="Nothing waits">
    <p>${alive ? `Each job was taken at once: ${alive} ${alive === 1 ? "launcher is" : "launchers are"} ready for more.` : "There is nothing to run, and no launcher that could run it."}</p>
    ${alive ? html`<a class="button" href=${link("new")}><${Icon} name="plus" />New session</a>` : html`<${StartLauncher} />`}
  <//>`;
}

const StartLauncher = () => html`<${Command} text=${`servers/agent-launcher/agent-launcher --runtime-url ${location.origin}`} />`;

function Groups({ jobs, more, again }) {
  const groups = new Map();
  for (const job of jobs) groups.set(job.reason ?? "", [...(groups.get(job.reason ?? "") ?? []), job]);
  return [...groups].map(
    ([reason, those]) => html`<section key=${reason} class="group"><h2>${waitWords(reason)} <span class="faint num">${those.length}${more ? "+" : ""}</span></h2>
      ${reason === "no_launcher" && html`<div class="row wrap"><span class="soft">Start one on the machine where the projects are:</span><${StartLauncher} /></div>`}
      <ul class="rows">${those.map((job) => html`<${QueueRow} key=${job.job_id} job=${job} again=${again} />`)}</ul></section>`,
  );
}

function QueueRow({ job, again }) {
  const { actions } = useApp();
  const stop = async () => {
    await actions.stopJob(job);
    again();
  };
  return html`<li class="place-row queue-row" data-job=${job.job_id}>
    <a class="cut strong" data-row href=${link("sessions", job.session_name)}>${job.session_name}</a>
    <span class="cut soft">${job.agent_name}</span>
    <span class="cut soft grow" title=${job.reason_detail ?? ""}>${job.reason_detail ?? waitWords(job.reason)}</span>
    <span class="chips">${Object.entries(job.labels).map(([key, value]) => html`<span class="chip" key=${key}>${key}=${value}</span>`)}${job.priority !== 0 && html`<span class="chip">priority ${job.priority}</span>`}</span>
    <span class="faint right"><${Ago} at=${job.created_at} /></span>
    <button class="button plain icon small" aria-label=${`Stop ${job.session_name}`} title="Take it out of the queue" onClick=${stop}><${Icon} name="close" size=${14} /></button>
  </li>`;
}
