/** The tree of a session: who started whom, how each stands, what all of it cost. */
import { html } from "../browser/ui.js";
import { Graph } from "../charts/graph.js";
import { STATUS_GROUPS } from "../model/arrange.js";
import { useTree } from "../model/session-data.js";
import { count, money, tokens } from "../parts/amounts.js";
import { Command, ProblemLine } from "../parts/controls.js";
import { look } from "../parts/status.js";

/** The view at `#/sessions/NAME/tree`. */
export function TreeView({ session }) {
  const { sessions, error, again } = useTree(session);
  return html`<div class="scroll tree-page" tabindex="0" role="region" aria-label="Tree">
    ${error && html`<${ProblemLine} error=${error} onAgain=${again} />`}
    <p class="soft num">${summary(sessions)}</p>
    <${Graph} sessions=${sessions} here=${session.session_id} />
    ${sessions.length === 1 &&
    html`<div class="soft stack"><p>It has no parent and no children. What it starts from its shell becomes its child:</p>
      <${Command} text="ao-start helper --agent echo -p 'Do this part' --detach --callback" /></div>`}
  </div>`;
}

function summary(sessions) {
  const total = (pick) => sessions.reduce((sum, one) => sum + pick(one), 0);
  const numbers = new Map();
  for (const { status } of sessions) numbers.set(status, (numbers.get(status) ?? 0) + 1);
  const active = sessions.filter((one) => STATUS_GROUPS.active.includes(one.status)).length;
  const used = total((one) => tokens(one.usage));
  return [
    `${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}${active ? `, ${active} active` : ""}`,
    [...numbers].map(([status, number]) => `${number} ${look(status)[0].toLowerCase()}`).join(", "),
    used ? `${count(used)} tokens` : "",
    money(total((one) => one.cost_usd ?? 0)),
  ].filter(Boolean).join(" · ");
}
