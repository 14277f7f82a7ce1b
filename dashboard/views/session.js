/** A session's page: the conversation, what to do with it, and beside it the facts. */
import { link } from "../browser/router.js";
import { html } from "../browser/ui.js";
import { isUnreachable } from "../model/api.js";
import { useJobs, useSession } from "../model/session-data.js";
import { Composer } from "../parts/composer.js";
import { ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { SessionHead } from "../parts/session-head.js";
import { SessionSide } from "../parts/session-side.js";
import { Unread } from "../parts/unread.js";
import { ChangesView } from "./changes.js";
import { Conversation } from "./conversation.js";
import { EventsView } from "./events.js";
import { JobView } from "./job.js";
import { TreeView } from "./tree.js";

/** The view at `#/sessions/NAME`, `…/changes`, `…/tree`, `…/events`, `…/details`, `…/jobs/ID`. */
export function SessionView({ route }) {
  const [, name, tab = "", jobId] = route.path;
  const { session, error, read } = useSession(name);
  if (!session && isUnreachable(error)) return html`<${Unread} what="This session" />`;
  if (!session) return error ? html`<${NotThere} name=${name} error=${error} again=${read} />` : null;
  return html`<${Known} key=${session.session_id} session=${session} tab=${tab} jobId=${jobId} />`;
}

function Known({ session, tab, jobId }) {
  const jobs = useJobs(session);
  const shown = tab === "jobs" && jobId ? "job" : tab || "conversation";
  return html`
    <${SessionHead} session=${session} tab=${tab} />
    <div class="split">
      <div class="column">
        ${shown === "conversation" && html`<${Conversation} session=${session} jobs=${jobs.value ?? []} />
          <${Composer} session=${session} jobs=${jobs} />`}
        ${shown === "job" && html`<${JobView} key=${jobId} session=${session} jobId=${jobId} />`}
        ${shown === "changes" && html`<${ChangesView} session=${session} jobs=${jobs.value ?? []} />`}
        ${shown === "events" && html`<${EventsView} session=${session} />`}
        ${shown === "tree" && html`<${TreeView} session=${session} />`}
        ${shown === "details" && html`<div class="scroll"><${SessionSide} session=${session} jobs=${jobs} /></div>`}
      </div>
      ${shown !== "details"
        && html`<aside class="side scroll" aria-label="Facts" tabindex="0"><${SessionSide} session=${session} jobs=${jobs} /></aside>`}
    </div>`;
}

function NotThere({ name, error, again }) {
  const unknown = error.status === 404;
  return html`<header class="bar"><a class="button plain icon small" href=${link("sessions")} aria-label="All sessions">
      <${Icon} name="back" /></a><h1 class="cut">${name}</h1></header>
    <div class="page"><${ProblemLine} error=${error} onAgain=${unknown ? null : again} />
    ${unknown && html`<p class="row wrap"><span class="soft">It may have been deleted.</span>
      <a class="button small" href=${link("sessions", { q: name })}>Look for “${name}”</a></p>`}</div>`;
}
