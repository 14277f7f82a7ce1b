/** A tree of sessions as a graph that grows while one looks. */
import { link } from "../browser/router.js";
import { html, useMemo } from "../browser/ui.js";
import { money } from "../parts/amounts.js";
import { look } from "../parts/status.js";
import { layOut, NODE } from "./tree-layout.js";

const MARGIN = 16;
const NAME_MAX = 21;

/** Draws the tree of these sessions; `here` is the one whose page it is on. */
export function Graph({ sessions, here }) {
  const shape = sessions.map((one) => `${one.session_id}${one.parent_session_id}`).join();
  const { nodes, edges, width, height } = useMemo(() => layOut(sessions), [shape]);
  const now = new Map(sessions.map((session) => [session.session_id, session]));
  return html`<svg class="graph" width=${width + 2 * MARGIN} height=${height + 2 * MARGIN} role="group"
    aria-label=${`Tree of ${sessions.length} sessions`}>
    <g transform=${`translate(${MARGIN} ${MARGIN})`}>
      ${edges.map(({ from, to }) => html`<path key=${to.session.session_id} class="edge"
          data-tone=${look(now.get(to.session.session_id).status)[1]} d=${curve(from, to)} />`)}
      ${nodes.map((node) => html`<${Node} key=${node.session.session_id} node=${node}
          session=${now.get(node.session.session_id)} here=${here} />`)}
    </g></svg>`;
}

function curve(from, to) {
  const x1 = from.x + NODE.width;
  const y1 = from.top + NODE.height / 2;
  const y2 = to.top + NODE.height / 2;
  const middle = (x1 + to.x) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${to.x} ${y2}`;
}

function Node({ node, session, here }) {
  const [word, tone] = look(session.status);
  const name = session.session_name.length > NAME_MAX ? `${session.session_name.slice(0, NAME_MAX)}…` : session.session_name;
  const about = [word, session.agent_name, money(session.cost_usd)].filter(Boolean).join(" · ");
  return html`<a class=${`node${session.session_id === here ? " here" : ""}`}
    href=${link("sessions", session.session_name)} data-tone=${tone} data-node=${session.session_name}
    transform=${`translate(${node.x} ${node.top})`} aria-label=${`${session.session_name}: ${about}`}>
    <title>${session.session_name}</title>
    <rect width=${NODE.width} height=${NODE.height} rx="8" />
    <rect class="tone" x="0.500" y="0.500" width="4" height=${NODE.height - 1} rx="2" />
    <text x="15" y="18">${name}</text><text class="about" x="15" y="34">${about.slice(0, 30)}</text>
    ${session.status === "running" && html`<circle class="pulse" cx=${NODE.width - 13} cy="14" r="3.500" />`}
  </a>`;
}
