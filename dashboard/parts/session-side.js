/** The facts beside a conversation: where it runs, what it cost, its jobs, its children and their news. */
import { link } from "../browser/router.js";
import { html } from "../browser/ui.js";
import { orderWords } from "../model/news.js";
import { reasonWords, waitWords, callbackWords } from "../model/reasons.js";
import { useCallbacks, useTree } from "../model/session-data.js";
import { useStore } from "../model/store.js";
import { count, money, tokens } from "./amounts.js";
import { Copy, ProblemLine } from "./controls.js";
import { Status } from "./status.js";
import { Ago, RanFor } from "./time.js";

const JOBS_SHOWN = 30;

/** All facts of a session, in one column. */
export function SessionSide({ session, jobs }) {
  const callbacks = useCallbacks(session);
  const tree = useTree(session);
  const children = tree.sessions.filter((one) => one.parent_session_id === session.session_id);
  return html`<div class="facts">
    <${Facts} session=${session} />
    <${Jobs} session=${session} jobs=${jobs} />
    ${(children.length > 0 || callbacks.value?.length > 0) && html`<${Children} sessions=${children} callbacks=${callbacks.value ?? []} />`}
  </div>`;
}

function Fact({ name, children, copy }) {
  return html`<div class="fact"><dt>${name}</dt>
    <dd>${children}${copy && html`<${Copy} text=${copy} label=${`Copy ${name.toLowerCase()}`} />`}</dd></div>`;
}

const TOKENS = [
  ["input_tokens", "in"],
  ["output_tokens", "out"],
  ["cache_read_tokens", "read from cache"],
  ["cache_write_tokens", "written to cache"],
];

function Facts({ session }) {
  const launcher = useStore((state) => state.launchers?.find((one) => one.launcher_id === session.launcher_id));
  const usage = session.usage ?? {};
  const all = tokens(usage);
  const detail = TOKENS.map(([name, words]) => `${usage[name] ?? 0} ${words}`).join(", ");
  return html`<dl>
    <${Fact} name="Agent"><a href=${link("agents", session.agent_name)}>${session.agent_name}</a>
      ${session.backend && session.backend !== session.agent_name && html`<span class="faint"> · ${session.backend}</span>`}<//>
    ${session.project_dir && html`<${Fact} name="Project" copy=${session.project_dir}>
        <span class="cut mono tail" title=${session.project_dir}>${session.project_dir}</span><//>`}
    ${session.hostname && html`<${Fact} name="Host">${session.hostname}
      ${launcher && launcher.name !== session.hostname && html`<span class="faint cut"> · ${launcher.name}</span>`}<//>`}
    <${Fact} name="Created"><${Ago} at=${session.created_at} suffix=" ago" /><//>
    ${session.last_event_at && html`<${Fact} name="Last event"><${Ago} at=${session.last_event_at} suffix=" ago" /><//>`}
    ${all > 0 && html`<${Fact} name="Tokens"><span class="num" title=${detail}>${count(all)}</span>
      ${usage.cache_read_tokens > 0
        && html`<span class="faint"> · ${Math.round((100 * usage.cache_read_tokens) / all)}% cached</span>`}<//>`}
    ${session.cost_usd > 0 && html`<${Fact} name="Cost"><span class="num">${money(session.cost_usd)}</span><//>`}
    <${Fact} name="Session" copy=${session.session_id}><span class="cut mono faint">${session.session_id}</span><//>
    ${session.backend_session_id && html`<${Fact} name="Backend's id" copy=${session.backend_session_id}>
      <span class="cut mono faint">${session.backend_session_id}</span><//>`}
  </dl>`;
}

function Jobs({ session, jobs }) {
  const list = jobs.value ?? [];
  return html`<section><h2>Jobs <span class="faint num">${list.length || ""}</span></h2>
    ${jobs.error && html`<${ProblemLine} error=${jobs.error} onAgain=${jobs.again} />`}
    <ul class="small-rows">${list.slice(0, JOBS_SHOWN).map(
      (job) => html`<li key=${job.job_id}><a href=${link("sessions", session.session_name, "jobs", job.job_id)}>
        <span class="row"><${Status} thing=${job} aged=${false} /><span class="grow"></span>
          ${job.cost_usd > 0 && html`<span class="num soft" title=${`${count(tokens(job.usage))} tokens`}>${money(job.cost_usd)}</span>`}
          <span class="faint">${job.started_at ? html`<${RanFor} seconds=${job.run_seconds} from=${job.started_at}
              to=${job.ended_at ?? job.lost_at} />`
            : html`<${Ago} at=${job.created_at} />`}</span></span>
        <span class="cut soft">${jobWords(job)}</span></a></li>`,
    )}</ul>
    ${list.length > JOBS_SHOWN && html`<p class="faint">${list.length - JOBS_SHOWN} older ones are in the conversation.</p>`}
  </section>`;
}

function jobWords(job) {
  if (job.status === "pending") return waitWords(job.reason);
  if (job.status === "failed") return reasonWords(job.reason);
  return orderWords(job.prompt_preview);
}

function Children({ sessions, callbacks }) {
  const newsOf = new Map([...callbacks].reverse().map((callback) => [callback.child_session_name, callback]));
  const gone = callbacks.filter((callback) => !sessions.some((one) => one.session_name === callback.child_session_name));
  return html`<section><h2>Children <span class="faint num">${sessions.length || ""}</span></h2>
    <ul class="small-rows">${sessions.map(
      (child) => html`<li key=${child.session_id}><a href=${link("sessions", child.session_name)}>
        <span class="row"><span class="cut grow">${child.session_name}</span><${Status} thing=${child} /></span>
        <${News} callback=${newsOf.get(child.session_name)} /></a></li>`,
    )}${gone.map(
      (callback) => html`<li key=${callback.callback_id}>
        <span class="row"><span class="cut grow">${callback.child_session_name}</span></span>
        <${News} callback=${callback} /></li>`,
    )}</ul>
  </section>`;
}

const NEWS = {
  pending: "News not delivered yet",
  delivered: "News delivered",
  consumed: "News delivered and read",
  expired: "News expired",
};

/** Whether the parent has the news of a child, and why not. */
function News({ callback }) {
  if (!callback) return null;
  const at = callback.settled_at ?? callback.delivered_at ?? callback.rested_at ?? callback.created_at;
  const words = [NEWS[callback.state] ?? callback.state, callback.reason && callbackWords(callback.reason)];
  return html`<span class="news" data-callback=${callback.state}>
    <span class="cut">${words.filter(Boolean).join(": ")}</span><span class="faint"><${Ago} at=${at} /></span></span>`;
}
