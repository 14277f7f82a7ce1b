/** The top of a session's page: what it is, how it is, and what can be done with it. */
import { go, link } from "../browser/router.js";
import { html, useApp, useState } from "../browser/ui.js";
import { STATUS_GROUPS } from "../model/arrange.js";
import { Copy, Dialog } from "./controls.js";
import { Icon } from "./icons.js";
import { Status } from "./status.js";

const TABS = [
  ["", "Conversation"],
  ["tree", "Tree"],
  ["details", "Details"],
];

/** The bar above a session. */
export function SessionHead({ session, jobs, tab }) {
  const { actions } = useApp();
  const [asking, setAsking] = useState("");
  const active = STATUS_GROUPS.active.includes(session.status) && session.status !== "waiting_input";
  const newest = jobs[0];
  const canRetry = newest && ["failed", "stopped"].includes(newest.status) && !active;
  const retry = async () => {
    if (await actions.retryJob(newest)) actions.say(`${session.session_name} is queued again`);
  };
  const stop = async () => {
    const lost = withdrawn((await actions.stopSession(session, false))?.withdrawn ?? []);
    if (lost) actions.say(`Asked to stop${lost}`);
  };
  return html`
    <header class="bar session-bar">
      <a class="button plain icon small" href=${link("sessions")} aria-label="All sessions"><${Icon} name="back" /></a>
      <h1 class="cut">${session.session_name}</h1><${Copy} text=${session.session_name} label="Copy name" />
      <${Status} thing=${session} />
      ${session.stopping && active && html`<span class="chip">stopping…</span>`}
      <div class="actions">
        ${canRetry && html`<button class="button" onClick=${retry}><${Icon} name="retry" size=${14} />Retry</button>`}
        ${active && html`<button class="button" onClick=${stop}>
          <${Icon} name="stop" size=${14} />Stop</button>`}
        <button class="button plain icon" aria-label="Stop the tree" title="Stop this session and all below it"
          onClick=${() => setAsking("tree")}><${Icon} name="branch" /></button>
        <button class="button plain icon danger" aria-label="Delete" title="Delete this session"
          onClick=${() => setAsking("delete")}><${Icon} name="trash" /></button>
      </div>
    </header>
    <div class="bar second tabs">
      <nav class="filters" aria-label="Parts of the session">
        ${TABS.map(([name, text]) => html`<a key=${name} class=${`tab${name === "details" ? " narrow-only" : ""}`}
            href=${link(...["sessions", session.session_name, name].filter(Boolean))}
          aria-current=${tab === name || (tab === "jobs" && name === "") ? "page" : undefined}>${text}</a>`)}
      </nav>
      ${session.parent_session_name && html`<a class="chip" href=${link("sessions", session.parent_session_name)}
        title="Its parent"><${Icon} name="up" size=${12} />${session.parent_session_name}</a>`}
    </div>
    ${asking === "delete" && html`<${DeleteDialog} session=${session} active=${active} onClose=${() => setAsking("")} />`}
    ${asking === "tree" && html`<${StopTreeDialog} session=${session} onClose=${() => setAsking("")} />`}`;
}

function DeleteDialog({ session, active, onClose }) {
  const { actions } = useApp();
  const act = async () => {
    onClose();
    if (await actions.deleteSession(session, active)) {
      actions.say(`${session.session_name} was deleted`);
      go(link("sessions"));
    }
  };
  return html`<${Dialog} title=${`Delete ${session.session_name}?`} narrow onClose=${onClose}>
    <div class="body">
      <p>Its conversation, jobs and logs are removed for good. ${active && "It is still at work: it is stopped first. "}Files
        in its project folder stay as they are.</p></div>
    <footer><button class="button" onClick=${onClose}>Keep it</button>
      <button class="button solid-danger" onClick=${act}>${active ? "Stop and delete" : "Delete"}</button></footer>
  <//>`;
}

/** What a stop withdrew before any agent got it, in words; empty when it withdrew nothing. */
function withdrawn(messages) {
  const beginnings = messages.slice(0, 3).map((one) => `“${one.prompt_preview.slice(0, 40)}”`);
  if (!beginnings.length) return "";
  return `; withdrawn: ${beginnings.join(", ")}${messages.length > beginnings.length ? " …" : ""}`;
}

function StopTreeDialog({ session, onClose }) {
  const { actions } = useApp();
  const act = async () => {
    onClose();
    const answer = await actions.stopSession(session, true);
    if (answer) actions.say(`Asked to stop: ${answer.stopped_jobs?.length ?? 0} jobs${withdrawn(answer.withdrawn ?? [])}`);
  };
  return html`<${Dialog} title="Stop the whole tree?" narrow onClose=${onClose}>
    <div class="body">
      <p><b>${session.session_name}</b> and all sessions below it are stopped, on every launcher. Each can be resumed later.</p></div>
    <footer><button class="button" onClick=${onClose}>Let them run</button>
      <button class="button solid-danger" onClick=${act}>Stop all</button></footer>
  <//>`;
}
