/** What is done to several sessions at once; only what makes sense for some of them is offered, with its number. */
import { html, useApp, useState } from "../browser/ui.js";
import { canBeHeld } from "../model/reasons.js";
import { isAtWork } from "../model/arrange.js";
import { Act, Dialog } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";

const isOver = (session) => ["failed", "stopped"].includes(session.status) && session.reason_job_id;

/** The bar that stands in the place of the filters while rows are selected. */
export function Selection({ sessions, onClear }) {
  const { actions } = useApp();
  const [asking, setAsking] = useState("");
  const fitting = { retry: sessions.filter(isOver), hold: sessions.filter(canBeHeld), stop: sessions.filter(isAtWork), delete: sessions };
  const act = async (name) => {
    setAsking("");
    onClear();
    await actions.onMany(name, fitting[name]);
  };
  const words = (text, icon, name) => html`<${Icon} name=${icon} size=${13} />${text} ${fitting[name].length}`;
  const choice = (name, text, icon) => fitting[name].length > 0
    && html`<${Act} class="button small" onPress=${() => act(name)}>${words(text, icon, name)}<//>`;
  const question = (name, text, icon) => fitting[name].length > 0
    && html`<button class="button small" onClick=${() => setAsking(name)}>${words(text, icon, name)}</button>`;
  return html`<div class="bar second selection" role="group" aria-label="Selected sessions">
    <b class="num">${sessions.length} selected</b>
    ${choice("retry", "Retry", "retry")}${choice("hold", "Hold", "pause")}
    ${question("stop", "Stop", "stop")}${question("delete", "Delete", "trash")}
    <button class="button plain small" onClick=${onClear}>Clear</button>
    ${asking && html`<${Ask} name=${asking} sessions=${fitting[asking]} onAct=${() => act(asking)} onClose=${() => setAsking("")} />`}
  </div>`;
}

function Ask({ name, sessions, onAct, onClose }) {
  const number = `${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}`;
  const active = sessions.filter(isAtWork).length;
  const words = {
    stop: ["Stop", "What runs is ended, and messages that wait are withdrawn. Each can be resumed later."],
    delete: ["Delete", `Conversations, jobs and logs are removed for good. ${active ? `${active} at work are stopped first. ` : ""}`
      + "Files in project folders stay as they are."],
  };
  const [title, consequence] = words[name];
  return html`<${Dialog} title=${`${title} ${number}?`} narrow onClose=${onClose}>
    <div class="body"><p>${consequence}</p></div>
    <footer><button class="button" onClick=${onClose}>Leave them</button>
      <button class="button solid-danger" onClick=${onAct}>${title} ${number}</button></footer>
  <//>`;
}
