/** The agents: what they are, which may be used, and a form to change them. */
import { go, link } from "../browser/router.js";
import { html, useApp, useEffect, useState } from "../browser/ui.js";
import { useStore } from "../model/store.js";
import { Command, Dialog, Empty } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { Unread, useAway } from "../parts/unread.js";
import { AgentEditor } from "./agent-editor.js";

/** The view at `#/agents`, `#/agents/NAME` and `#/agents/new`. */
export function AgentsView({ route }) {
  const { knowledge } = useApp();
  const agents = useStore((state) => state.agents);
  const away = useAway();
  const [, name] = route.path;
  useEffect(() => void knowledge.readAgents().catch(() => {}), []);
  if (!agents) return away && html`<${Unread} what="Agents" />`;
  if (name === "new") return html`<${AgentEditor} agent=${null} agents=${agents} copyOf=${route.query.get("from")} />`;
  const agent = agents.find((one) => one.name === name);
  if (name && agent) return html`<${AgentEditor} key=${name} agent=${agent} agents=${agents} />`;
  return html`
    <header class="bar"><h1>Agents</h1>
      <div class="actions">
        <a class="button primary" href=${link("agents", "new")}><${Icon} name="plus" size=${14} />New agent</a></div></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Agents">
      ${name && html`<div class="page"><p class="soft">There is no agent “${name}” any more.</p></div>`}
      ${agents.length === 0 && html`<${NoAgents} />`}
      ${agents.length > 0
        && html`<div class="page"><ul class="rows">${agents.map((one) => html`<${AgentRow} key=${one.name} agent=${one} />`)}</ul></div>`}
    </div>`;
}

function NoAgents() {
  return html`<${Empty} icon="agents" title="No agents">
    <p>An agent is a program, or a coding agent with its instructions. Make one here, or as files in your project:</p>
    <${Command} text=".agent-orchestrator/agents/NAME/agent.json" />
    <a class="button primary" href=${link("agents", "new")}>New agent</a><//>`;
}

function AgentRow({ agent }) {
  const { api, actions } = useApp();
  const [deleting, setDeleting] = useState(false);
  const call = agent.active ? "deactivate" : "activate";
  const turn = () => actions.onAgent(() => api.post(api.agent(agent.name, call)));
  return html`<li class="place-row agent-row" data-agent=${agent.name}>
    <div class="about">
      <span class="row"><a class="strong" data-row href=${link("agents", agent.name)}>${agent.name}</a>
        <span class="chip">${agent.backend ?? "unreadable"}</span>${agent.model && html`<span class="chip">${agent.model}</span>`}
        ${agent.source === "shipped" && html`<span class="faint">shipped</span>`}
        ${Object.keys(agent.mcp_servers).length > 0 && html`<span class="faint">${Object.keys(agent.mcp_servers).length} MCP</span>`}</span>
      <span class="soft">${agent.error ? html`<span data-tone="failed" class="status">${agent.error}</span>` : agent.description}</span>
    </div>
    <label class="row switch">
      <input type="checkbox" role="switch" checked=${agent.active} onChange=${turn}
        aria-label=${`${agent.name} may be used`} /><span class="soft">${agent.active ? "Active" : "Inactive"}</span></label>
    <a class="button small" href=${link("new", { agent: agent.name })} aria-label=${`Start a session of ${agent.name}`}>Start</a>
    <a class="button plain icon small" href=${link("agents", "new", { from: agent.name })}
      aria-label=${`Copy ${agent.name}`} title="Make a copy"><${Icon} name="copy" size=${14} /></a>
    ${agent.source === "user" && html`<button class="button plain icon small" aria-label=${`Delete ${agent.name}`}
      title="Delete" onClick=${() => setDeleting(true)}><${Icon} name="trash" size=${14} /></button>`}
    ${deleting && html`<${DeleteDialog} agent=${agent} onClose=${() => setDeleting(false)} />`}
  </li>`;
}

function DeleteDialog({ agent, onClose }) {
  const { api, actions } = useApp();
  const act = async () => {
    onClose();
    if (await actions.onAgent(() => api.del(api.agent(agent.name)))) {
      actions.say(`${agent.name} was deleted`);
      go(link("agents"));
    }
  };
  return html`<${Dialog} title=${`Delete ${agent.name}?`} narrow onClose=${onClose}>
    <div class="body">
      <p>Its files in <code>${agent.folder}</code> are removed. Sessions of it stay, and cannot be resumed without it.</p></div>
    <footer><button class="button" onClick=${onClose}>Keep it</button>
      <button class="button solid-danger" onClick=${act}>Delete</button></footer>
  <//>`;
}
