/** One session in a list. */
import { go, link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { capital } from "../model/capital.js";
import { lineOf } from "../model/causes.js";
import { exactly, money } from "./amounts.js";
import { Icon } from "./icons.js";
import { look, Status } from "./status.js";
import { Ago } from "./time.js";

/** A row; the whole of it is a link to the session. */
export function SessionRow({ row, onFold, picked, onPick }) {
  const { store } = useApp();
  const { session, depth, children, busy, folded } = row;
  const launcher = store.get().launchers?.find((one) => one.launcher_id === session.launcher_id);
  const href = link("sessions", session.session_name);
  const line = lineOf(session, launcher);
  const queued = (session.queued_jobs ?? 0) - (session.status === "pending" ? 1 : 0);
  // Only the name is a link, stretched over the row: what lies above it (ages with their exact times) leads there too.
  const open = (event) => event.target.closest("a, button, input") || go(href);
  return html`<div class=${`session-row${picked ? " picked" : ""}`} role="listitem" data-session=${session.session_name} onClick=${open}>
    <input type="checkbox" class="pick" checked=${picked} aria-label=${`Select ${session.session_name}`}
      onChange=${() => onPick(session.session_id)} />
    <${Status} thing=${session} />
    <span class="name" style=${{ paddingLeft: `${Math.min(depth, 6) * 16}px` }}>
      ${depth > 0 && html`<span class="elbow" aria-hidden="true"></span>`}
      <a class="cover cut" data-row href=${href}>${session.session_name}</a>
      ${queued > 0 && html`<span class="chip" title="Messages that wait for their turn">+${queued}</span>`}
      ${children > 0 &&
      html`<button class="fold" aria-expanded=${!folded} onClick=${() => onFold(session.session_id)}
        title=${folded ? "Show the children" : "Hide the children"}>
        <${Icon} name=${folded ? "right" : "down"} size=${12} />${children}
        <span class="hidden-text"> ${children === 1 ? "child" : "children"}${busy ? `, ${busy} active` : ""}</span>
        ${busy > 0 && html`<i aria-hidden="true"></i>`}
      </button>`}
    </span>
    <span class="cut soft agent">${session.agent_name}</span>
    <span class=${`cut words${TOLD.has(session.status) ? " told" : " soft"}`} data-tone=${look(session.status)[1]}
      title=${line}>${line}</span>
    <span class="cut faint host">${session.hostname ?? ""}</span>
    <span class="num faint right cost">${money(session.cost_usd)}</span>
    <span class="faint right when"><${Ago} at=${session.created_at} /></span>
  </div>`;
}

/** The heading of those that stand where they stand for one cause; selecting it selects all of them. */
export function GroupRow({ row, onFold, picked, onPick }) {
  const { group, ids, status, text, folded, session } = row;
  const number = `${exactly(ids.length)} ${look(status)[0].toLowerCase()}`;
  return html`<div class=${`session-row group-row${picked ? " picked" : ""}`} role="listitem" data-group=${text}>
    <input type="checkbox" class="pick" checked=${picked} aria-label=${`Select these ${ids.length}`}
      onChange=${() => onPick(ids, !picked)} />
    <button class="fold" data-row aria-expanded=${!folded} onClick=${() => onFold(group)}
      title=${folded ? "Show them" : "Hide them"}><${Icon} name=${folded ? "right" : "down"} size=${12} /><b>${number}</b></button>
    <span class="cut grow" data-tone=${look(status)[1]} title=${text}>${capital(text) || "Nothing stands in the way"}</span>
    <span class="faint right when"><${Ago} at=${session.created_at} /></span>
  </div>`;
}

const TOLD = new Set(["failed", "lost", "waiting_input"]);
