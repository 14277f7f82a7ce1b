/** The launchers: which machines are there, what they run, when they last gave a sign of life. */
import { link } from "../browser/router.js";
import { html, useApp, useEffect, useState } from "../browser/ui.js";
import { clientWords } from "../model/clients.js";
import { LAUNCHER } from "../model/programs.js";
import { useStore } from "../model/store.js";
import { Act, Command, Dialog, Empty, Filters } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { Status } from "../parts/status.js";
import { Ago } from "../parts/time.js";
import { Unread, useAway } from "../parts/unread.js";

const SLOTS_DRAWN_MAX = 16;

/** The view at `#/launchers`. */
export function LaunchersView() {
  const { knowledge } = useApp();
  const all = useStore((state) => state.launchers);
  const away = useAway();
  const [shown, setShown] = useState("here");
  useEffect(() => void knowledge.readLaunchers().catch(() => {}), []);
  if (!all && away) return html`<${Unread} what="Launchers" />`;
  const launchers = (all ?? []).filter((launcher) => shown === "all" || launcher.status !== "gone");
  return html`
    <header class="bar"><h1>Launchers</h1>
      <${Filters} label="Which launchers" choices=${[["here", "Here"], ["all", "All, with those that left"]]}
        chosen=${shown} onChoose=${setShown} /></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Launchers">
      ${all && !launchers.length && html`<${NoLaunchers} />`}
      ${launchers.length > 0 && html`<div class="page">
          <ul class="cards">${launchers.map((one) => html`<${LauncherCard} key=${one.launcher_id} launcher=${one} />`)}</ul>
        <div class="soft stack"><p>One more machine? Start a launcher there:</p><${StartCommand} /></div></div>`}
    </div>`;
}

const StartCommand = () => html`<${Command}
  text=${`${LAUNCHER} --runtime-url ${location.origin} --max-jobs 4`} />`;

function NoLaunchers() {
  return html`<${Empty} icon="launchers" title="No launcher is here">
    <p>The runtime remembers; a launcher runs. Start one on each machine where agents shall work, in the folder of your project:</p>
    <${StartCommand} />
    <p class="faint">It shows up here within a second. On another machine it also needs the runtime's token: see the
      how-to on launchers.</p>
  <//>`;
}

function LauncherCard({ launcher }) {
  const { actions } = useApp();
  const [removing, setRemoving] = useState(false);
  const name = launcher.name || launcher.hostname;
  const here = launcher.status === "alive" || launcher.status === "draining";
  return html`<li class="card launcher" data-launcher=${name}>
    <div class="row"><h2 class="cut" tabindex="-1">${name}</h2><${Status} thing=${launcher} /><span class="grow"></span>
      ${launcher.draining
        && html`<${Act} class="button small" title="It takes jobs again"
          onPress=${() => actions.onLauncher(launcher, "resume")}>Resume<//>`}
      ${here && html`<${Act} class=${`button small${launcher.draining ? " away" : ""}`} disabled=${launcher.draining}
        title="It finishes what it runs and takes nothing new"
        onPress=${() => actions.onLauncher(launcher, "drain")}>Drain<//>`}
      ${launcher.status !== "gone" && html`<button class="button plain icon small" aria-label=${`Remove ${name}`}
        title="Remove" onClick=${() => setRemoving(true)}><${Icon} name="trash" size=${14} /></button>`}</div>
    <${Slots} launcher=${launcher} />
    <dl class="launcher-facts">
      <div><dt>Host</dt><dd>${launcher.hostname}</dd></div>
      <div><dt>Last sign of life</dt>
        <dd><${Ago} at=${launcher.last_seen_at} suffix=" ago" />
          ${hasRoom(launcher) && launcher.poll_parked ? ", waiting for work" : ""}</dd></div>
      ${launcher.backends.length > 0 && html`<div><dt>Agents' backends</dt><dd>${launcher.backends.join(", ")}</dd></div>`}
      ${launcher.clients && html`<div><dt>Can run</dt><dd>${canRun(launcher)}</dd></div>`}
      ${launcher.version && html`<div><dt>Version</dt><dd>${launcher.version}</dd></div>`}
    </dl>
    <div class="row">${Object.keys(launcher.labels).length > 0
      && html`<div class="chips">${Object.entries(launcher.labels)
        .map(([key, value]) => html`<span class="chip" key=${key}>${key}=${value}</span>`)}</div>`}
      <span class="grow"></span><a class="soft" href=${link("sessions", { launcher: launcher.launcher_id })}>Its sessions</a></div>
    ${removing && html`<${RemoveDialog} launcher=${launcher} name=${name} onClose=${() => setRemoving(false)} />`}
  </li>`;
}

/** What it says of the clients of agents; those that are not there are left out. */
const canRun = (launcher) => {
  if (!launcher.clients.length) return "looks for it still";
  return clientWords(launcher).map((words) => html`<div key=${words}>${words}</div>`);
};

const hasRoom = ({ max_jobs: max, running_jobs: running, draining }) => !draining && (max === null || running < max);

/** Slots as small boxes while they can be counted, in words always. */
function Slots({ launcher }) {
  const { running_jobs: running, max_jobs: max, status } = launcher;
  if (status === "lost") return html`<p class="slots">Nothing is heard of it. What it ran counts as lost until it is back.</p>`;
  if (status === "gone") return html`<p class="slots">It said goodbye, or was removed.</p>`;
  const words = max === null ? `${running} running, no limit` : `${running} of ${max} slots in use`;
  const boxes = max === null ? running : max;
  return html`<div class="slots"><span class="num">${words}</span>
    ${boxes > 0 && boxes <= SLOTS_DRAWN_MAX
      && html`<span class="slot-boxes" aria-hidden="true">
        ${Array.from({ length: boxes }, (_, index) => html`<i key=${index} class=${index < running ? "used" : ""}></i>`)}</span>`}</div>`;
}

function RemoveDialog({ launcher, name, onClose }) {
  const { actions } = useApp();
  const act = async () => {
    onClose();
    if (await actions.onLauncher(launcher, "remove")) actions.say(`${name} was removed`);
  };
  const { running_jobs: jobs } = launcher;
  const consequence = jobs ? `The ${jobs} jobs that it runs count as lost until it comes back. ` : "";
  return html`<${Dialog} title=${`Remove ${name}?`} narrow onClose=${onClose}>
    <div class="body">
      <p>It gets no more work and leaves this list. ${consequence}A launcher that is still alive registers itself again:
        end it on its machine with Ctrl C.</p></div>
    <footer><button class="button" onClick=${onClose}>Keep it</button>
      <button class="button solid-danger" onClick=${act}>Remove</button></footer>
  <//>`;
}
