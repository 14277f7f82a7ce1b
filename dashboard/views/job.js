/** One job: what was asked, each attempt with its reason, and the raw log as it grows. */
import { link } from "../browser/router.js";
import { html, useApp, useState } from "../browser/ui.js";
import { readNews } from "../model/news.js";
import { useReading } from "../model/reading.js";
import { canBeHeld, helpFor, isHeld, reasonWords, waitWords } from "../model/reasons.js";
import { useStore } from "../model/store.js";
import { Act, Copy, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { LogView } from "../parts/log-view.js";
import { News } from "../parts/news.js";
import { look, Status } from "../parts/status.js";
import { Ago, exact, Lasting, RanFor, span } from "../parts/time.js";

/** The view at `#/sessions/NAME/jobs/ID`. */
export function JobView({ session, jobId }) {
  const { api, now } = useApp();
  const concerns = (event) => event.job_id === jobId;
  const job = useReading(async () => ({ ...(await api.get(api.job(jobId))), readAt: now() }), { key: `job ${jobId}`, concerns });
  const attempts = useReading(async () => (await api.get(api.job(jobId, "attempts"))).attempts,
    { key: `attempts ${jobId}`, concerns, missing: [] });
  const [chosen, setChosen] = useState(null);
  if (job.error && !job.value) return html`<div class="page"><${ProblemLine} error=${job.error} onAgain=${job.again} /></div>`;
  if (!job.value) return null;
  const attempt = chosen ?? job.value.attempt;
  return html`<div class="scroll job-page" tabindex="0" role="region" aria-label="Job">
    <${About} job=${job.value} session=${session} />
    ${attempts.value?.length > 1 && html`<${Attempts} attempts=${attempts.value} chosen=${attempt} onChoose=${setChosen} />`}
    <section class="log-section">
      <h2>Raw log${job.value.attempt > 1 && html` <span class="faint">of attempt ${attempt}</span>`}</h2>
      ${attempt > 0 ? html`<${LogView} key=${`${jobId} ${attempt}`} job=${job.value} attempt=${attempt} />`
        : html`<p class="soft">Nothing was run yet, so there is no log.</p>`}
    </section>
  </div>`;
}

function About({ job, session }) {
  const { actions } = useApp();
  const prompt = job.prompt ?? job.prompt_preview;
  const news = readNews(prompt);
  // The cause above the page has the buttons for the job that the session's status speaks of.
  const isCause = session.reason_job_id === job.job_id;
  const over = ["failed", "stopped"].includes(job.status) && !isCause;
  const moving = ["pending", "claimed", "running"].includes(job.status);
  // Each has a place of its own, which stays empty while it makes no sense.
  const place = (icon, text, isThere, act) => html`<${Act} class=${`button small${isThere ? "" : " away"}`} disabled=${!isThere}
    onPress=${() => act(job)}><${Icon} name=${icon} size=${13} />${text}<//>`;
  return html`<section class="job-about">
    <div class="row">
      <a class="button plain icon small" aria-label="Back to the conversation"
        href=${link("sessions", session.session_name)}><${Icon} name="back" /></a>
      <h2>${job.type === "start_session" ? "First job" : "Follow-up job"}</h2><${Status} thing=${job} />
      ${over && html`<${Act} class="button small" onPress=${() => actions.retryJob(job)}><${Icon} name="retry" size=${13} />Retry<//>`}
      <span class="grow"></span>
      ${place("play", "Lift hold", isHeld(job) && !isCause, actions.liftHold)}
      ${place("pause", "Hold", canBeHeld(job), actions.holdJob)}
      ${place("stop", "Stop", moving, job.status === "pending" ? actions.withdrawJob : actions.stopJob)}</div>
    ${job.error && html`<pre class="error" tabindex="0" role="group" aria-label="Error">${job.error}</pre>`}
    ${job.status !== "pending" && helpFor(job) && html`<p>${helpFor(job)}</p>`}
    ${job.reason_detail && html`<p class="soft">${job.reason_detail}</p>`}
    <${JobFacts} job=${job} />
    <details class="more"><summary>What was asked</summary>
      ${news ? html`<${News} news=${news} />` : html`<div class="asked">${prompt}</div>`}</details>
  </section>`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function JobFacts({ job }) {
  const launcher = useStore((state) => state.launchers?.find((one) => one.launcher_id === job.launcher_id));
  const reason = job.status === "pending" ? waitWords(job.reason) : job.ended_at && reasonWords(job.reason);
  return html`<dl class="job-facts">
    <${Fact} name="Job"><span class="mono cut">${job.job_id}</span><${Copy} text=${job.job_id} label="Copy job id" /><//>
    <${Fact} name="Created"><${Ago} at=${job.created_at} suffix=" ago" /><//>
    ${job.started_at && html`<${Fact} name="Waited"><${Lasting} from=${job.created_at} to=${job.started_at} /><//>`}
    ${job.started_at && html`<${Fact} name=${job.ended_at ? "Ran" : "Runs"}><${RanFor} seconds=${job.run_seconds}
      from=${job.started_at} to=${job.ended_at ?? job.lost_at} /><//>`}
    ${launcher && html`<${Fact} name="Launcher"><a href=${link("launchers")}>${launcher.name || launcher.hostname}</a><//>`}
    <${Fact} name="Attempt"><span class="num">${job.attempt} of at most ${Math.max(job.max_attempts, job.attempt)}</span><//>
    ${job.timeout_seconds && html`<${Fact} name="Time limit"><span class="num">${span(job.timeout_seconds)}</span><//>`}
    ${job.verify && html`<${Fact} name="Verified by"><span class="mono cut">${job.verify.command.join(" ")}</span><//>`}
    ${job.exit_code !== null && html`<${Fact} name="Exit"><span class="num">${job.exit_code}</span><//>`}
    ${job.signal && html`<${Fact} name="Signal"><span class="num">${job.signal}</span><//>`}
    ${reason && html`<${Fact} name="Reason">${reason}<//>`}
  </dl>`;
}

const COLUMNS = ["#", "Outcome", "Reason", "Launcher", "Started", "Ended", "Ran", "Log"];

/** The attempts side by side; one of them has its log shown below. */
function Attempts({ attempts, chosen, onChoose }) {
  const launchers = useStore((state) => state.launchers) ?? [];
  return html`<section><h2>Attempts</h2><div class="table-box" tabindex="0" role="region" aria-label="Attempts"><table class="plain-table">
    <thead><tr>${COLUMNS.map((name) => html`<th key=${name}>${name}</th>`)}</tr></thead>
    <tbody>${attempts.map((one) => html`<${Attempt} key=${one.attempt} attempt=${one} isShown=${one.attempt === chosen}
      launcher=${launchers.find(({ launcher_id: id }) => id === one.launcher_id)} onChoose=${onChoose} />`)}</tbody>
    </table></div></section>`;
}

function Attempt({ attempt: one, launcher, isShown, onChoose }) {
  const ago = (at) => html`<td title=${exact(at)}>${at ? html`<${Ago} at=${at} suffix=" ago" />` : "–"}</td>`;
  const place = launcher ? launcher.name || launcher.hostname : one.launcher_id ? "one that left" : "–";
  return html`<tr data-attempt=${one.attempt}><td class="num">${one.attempt}</td><td><${Status} thing=${one} aged=${false} /></td>
    <td title=${one.error ?? ""}>${reasonWords(one.reason) || look(one.status)[0]}
      ${one.exit_code !== null && html`<span class="faint num"> · exit ${one.exit_code}</span>`}</td>
    <td>${launcher ? html`<a href=${link("launchers")}>${place}</a>` : html`<span class="faint">${place}</span>`}</td>
    ${ago(one.started_at)}${ago(one.ended_at)}
    <td>${one.started_at && html`<${RanFor} seconds=${one.run_seconds} from=${one.started_at} to=${one.ended_at} />`}</td>
    <td><button type="button" class="button plain small" aria-pressed=${isShown} aria-label=${`Log of attempt ${one.attempt}`}
      onClick=${() => onChoose(one.attempt)}>${isShown ? "Shown" : "Show"}</button></td></tr>`;
}
