/** What waits: next to run first, and why each waits. */
import { link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { isUnreachable, sentence } from "../model/api.js";
import { orderWords } from "../model/news.js";
import { LAUNCHER } from "../model/programs.js";
import { useReading } from "../model/reading.js";
import { canBeHeld, IN_LINE, isHeld, waitWords } from "../model/reasons.js";
import { useStore } from "../model/store.js";
import { exactly } from "../parts/amounts.js";
import { Act, Command, Empty, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { QuotaHolds } from "../parts/quota-holds.js";
import { Ago } from "../parts/time.js";
import { Unread } from "../parts/unread.js";

const LIMIT = 200;
const TELLING = ["job.", "launcher.", "quota."];
const CLEAR_FROM_HEADING = new Set(["session_busy", "no_launcher"]);

/** The view at `#/queue`. */
export function QueueView() {
  const { api } = useApp();
  const read = () => api.get("jobs", { order: "run", limit: LIMIT });
  const queue = useReading(read,
    { key: "queue", concerns: (event) => TELLING.some((topic) => event.type.startsWith(topic)) });
  if (!queue.value && isUnreachable(queue.error)) return html`<${Unread} what="Queue" />`;
  const { jobs = [], waiting = 0 } = queue.value ?? {};
  const shown = waiting > jobs.length ? `${jobs.length} of ${exactly(waiting)}` : waiting;
  return html`
    <header class="bar"><h1>Queue</h1>
      <span class="faint num" data-count>${waiting > 0 && `${shown} waiting`}</span></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Queue">
      ${queue.error && !isUnreachable(queue.error)
        && html`<div class="page"><${ProblemLine} error=${queue.error} onAgain=${queue.again} /></div>`}
      <${QuotaHolds} />
      ${queue.value && !jobs.length && html`<${NothingWaits} />`}
      ${jobs.length > 0 && html`<div class="page"><${Groups} jobs=${jobs} again=${queue.again} />
        ${waiting > jobs.length
          && html`<p class="soft">${exactly(waiting - jobs.length)} more stand behind these ${jobs.length}.</p>`}</div>`}
    </div>`;
}

function NothingWaits() {
  const launchers = useStore((state) => state.launchers);
  const alive = launchers?.filter((launcher) => launcher.status === "alive").length ?? 0;
  return html`<${Empty} icon="queue" title="Nothing waits">
    <p>${alive ? `Each job was taken at once: ${alive} ${alive === 1 ? "launcher is" : "launchers are"} ready for more.`
      : "There is nothing to run, and no launcher that could run it."}</p>
    ${alive ? html`<a class="button" href=${link("new")}><${Icon} name="plus" />New session</a>` : html`<${StartLauncher} />`}
  <//>`;
}

const StartLauncher = () => html`<${Command} text=${`${LAUNCHER} --runtime-url ${location.origin}`} />`;

/** One group for each reason, in the order in which the first of each comes to run. */
function Groups({ jobs, again }) {
  const groups = new Map();
  for (const job of jobs) groups.set(job.reason ?? "", [...(groups.get(job.reason ?? "") ?? []), job]);
  return [...groups].map(([reason, those]) => html`<${Group} key=${reason} reason=${reason} jobs=${those} again=${again} />`);
}

/** What is true of all of a group stands once, above it; a row then says what it would do. */
function Group({ reason, jobs, again }) {
  const inLine = IN_LINE.has(reason);
  const [{ reason_detail: detail }] = jobs;
  const isShared = reason === "session_busy" || jobs.every((job) => job.reason_detail === detail);
  return html`<section class="group" data-reason=${reason}>
    <h2>${inLine && "Next to run · "}
      <span class=${inLine ? "faint" : ""}>${waitWords(reason)}</span> <span class="faint num">${jobs.length}</span></h2>
    ${isShared && detail && !CLEAR_FROM_HEADING.has(reason) && html`<p class="soft">${sentence(detail)}</p>`}
    ${reason === "no_launcher" && html`<${StartLauncher} />`}
    <ol class="rows">
      ${jobs.map((job, place) => html`<${QueueRow} key=${job.job_id} job=${job} place=${inLine ? place + 1 : null}
          text=${isShared ? orderWords(job.prompt_preview) : (job.reason_detail ?? "")} again=${again} />`)}</ol></section>`;
}

function QueueRow({ job, place, text, again }) {
  const { actions } = useApp();
  const then = (act) => async () => {
    await act(job);
    again();
  };
  return html`<li class="place-row queue-row" data-job=${job.job_id}>
    ${place !== null && html`<span class="faint num place">${place}</span>`}
    <a class="cut strong" data-row href=${link("sessions", job.session_name)}>${job.session_name}</a>
    <span class="cut soft agent">${job.agent_name}</span>
    <span class="cut soft grow" title=${text}>${text}</span>
    <span class="chips">${Object.entries(job.labels).map(([key, value]) => html`<span class="chip" key=${key}>${key}=${value}</span>`)}
      ${job.priority !== 0 && html`<span class="chip">priority ${job.priority}</span>`}</span>
    <span class="faint right"><${Ago} at=${job.created_at} /></span>
    <span class="row-acts">
      ${isHeld(job) && html`<${Act} class="button small lift" aria-label=${`Lift the hold of ${job.session_name}`}
        onPress=${then(actions.liftHold)}><${Icon} name="play" size=${13} />Lift hold<//>`}
      ${canBeHeld(job) && html`<${Act} class="button plain icon small" aria-label=${`Hold ${job.session_name}`}
        title="Hold it: no launcher gets it until you lift the hold" onPress=${then(actions.holdJob)}>
        <${Icon} name="pause" size=${14} /><//>`}
      <${Act} class="button plain icon small" aria-label=${`Stop ${job.session_name}`} title="Take it out of the queue"
        onPress=${then(actions.withdrawJob)}><${Icon} name="close" size=${14} /><//></span>
  </li>`;
}
