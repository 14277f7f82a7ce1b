/** The top of a session's page: what it is, how it is, and what can be done with it. */
import { go, link } from "../browser/router.js";
import { html, useApp, useState } from "../browser/ui.js";
import { isAtWork } from "../model/arrange.js";
import { canBeHeld } from "../model/reasons.js";
import { Cause } from "./cause.js";
import { Act, Copy, Dialog } from "./controls.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";
import { Status } from "./status.js";

const TABS = [
  ["", "Conversation"],
  ["changes", "Changes"],
  ["tree", "Tree"],
  ["events", "Events"],
  ["details", "Details"],
];

/** The bar above a session. Stop has a place of its own, where nothing else ever stands. */
export function SessionHead({ session, tab }) {
  const { actions, memory } = useApp();
  const [asking, setAsking] = useState("");
  const active = isAtWork(session);
  const stopping = session.stopping || session.reason === "stopping";
  return html`
    <header class="bar session-bar">
      <a class="button plain icon small" href=${memory.get("list")?.address ?? link("sessions")} aria-label="All sessions">
        <${Icon} name="back" /></a>
      <h1 class="cut" title=${session.session_name}>${session.session_name}</h1>
      <${Copy} text=${session.session_name} label="Copy name" />
      <${Status} thing=${session} />
      <div class="actions">
        ${active && html`<${Act} aria-disabled=${stopping} onPress=${() => stopping || actions.stopSession(session, { tree: false })}>
          <${Icon} name="stop" size=${14} />${stopping ? "Stopping…" : "Stop"}<//>`}
        <${Menu} label="More" choices=${choicesOf(session, { actions, active, ask: setAsking })} />
      </div>
    </header>
    <${Tabs} session=${session} tab=${tab} />
    <${Cause} session=${session} />
    ${asking === "delete" && html`<${DeleteDialog} session=${session} active=${active} onClose=${() => setAsking("")} />`}
    ${asking === "tree" && html`<${StopTreeDialog} session=${session} onClose=${() => setAsking("")} />`}`;
}

function choicesOf(session, { actions, active, ask }) {
  const { reason, reason_job_id: id } = session;
  const job = { job_id: id };
  return [
    canBeHeld({ status: session.status, reason }) && { text: "Hold", icon: "pause", act: () => actions.holdJob(job) },
    { text: "Start again with changes", icon: "retry", act: () => go(link("new", { again: session.session_name })) },
    { text: "Stop the tree", icon: "stop-all", act: () => ask("tree") },
    { text: active ? "Stop and delete" : "Delete", icon: "trash", act: () => ask("delete"), danger: true },
  ];
}

function Tabs({ session, tab }) {
  return html`<div class="bar second tabs">
    <nav class="filters" aria-label="Parts of the session">
      ${TABS.map(([name, text]) => html`<a key=${name} class=${`tab${name === "details" ? " narrow-only" : ""}`}
          href=${link(...["sessions", session.session_name, name].filter(Boolean))}
        aria-current=${tab === name || (tab === "jobs" && name === "") ? "page" : undefined}>${text}</a>`)}
    </nav>
    ${session.parent_session_name && html`<a class="chip" href=${link("sessions", session.parent_session_name)}
      title="Its parent"><${Icon} name="up" size=${12} />${session.parent_session_name}</a>`}
  </div>`;
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

function StopTreeDialog({ session, onClose }) {
  const { actions } = useApp();
  const act = () => {
    onClose();
    actions.stopSession(session, { tree: true });
  };
  return html`<${Dialog} title="Stop the whole tree?" narrow onClose=${onClose}>
    <div class="body">
      <p><b>${session.session_name}</b> and all sessions below it are stopped, on every launcher. Each can be resumed later.</p></div>
    <footer><button class="button" onClick=${onClose}>Let them run</button>
      <button class="button solid-danger" onClick=${act}>Stop all</button></footer>
  <//>`;
}
