/** The first thing to know of a session that is not well or not at work: the cause, and what helps. */
import { link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { capital } from "../model/capital.js";
import { causeOf, shownStatus, tellingLine } from "../model/causes.js";
import { hasQuestion, helpFor } from "../model/reasons.js";
import { useStore } from "../model/store.js";
import { Act } from "./controls.js";
import { Icon } from "./icons.js";
import { QueuePlace } from "./queue-place.js";
import { Drawing, look } from "./status.js";
import { Ago } from "./time.js";

/** The strip below a session's head; nothing where all is well. */
export function Cause({ session }) {
  const launcher = useStore((state) => state.launchers?.find((one) => one.launcher_id === session.launcher_id));
  const { title, text } = causeOf(session, launcher);
  if (!title) return null;
  const [, tone, drawing] = look(shownStatus(session));
  const help = session.status === "lost" ? null : helpFor(session);
  return html`<section class="cause" data-tone=${tone} aria-label="Why">
    <${Drawing} name=${drawing} />
    <div class="cause-words">
      <b>${capital(title)}</b>
      ${text && html`<span class="said">${tellingLine(text)}</span>`}
      ${session.status === "lost" && html`<${LostHelp} launcher=${launcher} />`}
      ${help && html`<span class="soft">${help}</span>`}
      ${session.status === "pending" && session.reason_job_id
        && html`<span class="soft"><${QueuePlace} jobId=${session.reason_job_id} /></span>`}
    </div>
    <${Helps} session=${session} />
  </section>`;
}

function LostHelp({ launcher }) {
  return html`<span class="soft">${launcher && html`Last heard of <${Ago} at=${launcher.last_seen_at} suffix=" ago" />. `}
    It may still be alive, so nothing is started in its place: if it comes back within ten minutes, this heals by itself.
    Look at the launcher, or start it again there.</span>`;
}

function Helps({ session }) {
  const { actions } = useApp();
  const { status, reason, reason_job_id: id } = session;
  const over = status === "failed" || status === "stopped";
  return html`<div class="cause-acts">
    ${status === "lost" && html`<a class="button small" href=${link("launchers")}><${Icon} name="launchers" size=${13} />Launchers</a>`}
    ${hasQuestion(session) && html`<a class="button small" href=${link("questions", { session: session.session_name })}>
      <${Icon} name="questions" size=${13} />Answer</a>`}
    ${id && (over || status === "lost") && html`<a class="button small" href=${link("sessions", session.session_name, "jobs", id)}>
      <${Icon} name="terminal" size=${13} />Raw log</a>`}
    ${id && over && html`<${Act} class="button small" onPress=${() => actions.retryJob({ job_id: id })}>
      <${Icon} name="retry" size=${13} />Retry<//>`}
    ${reason === "held" && html`<${Act} class="button small" onPress=${() => actions.liftHold({ job_id: id })}>
      <${Icon} name="play" size=${13} />Lift hold<//>`}
  </div>`;
}
