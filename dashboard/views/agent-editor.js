/** The form in which an agent is written; it is checked while one types. */
import { go, link } from "../browser/router.js";
import { html, useApp, useEffect, useState } from "../browser/ui.js";
import { agentProblems, bodyOf, formOf, optionNames, takesCommand } from "../model/agent-form.js";
import { BACKENDS } from "../model/backends.js";
import { Copy, ProblemLine } from "../parts/controls.js";
import { Field } from "../parts/field.js";
import { Icon } from "../parts/icons.js";

/** Writes a new agent (`agent` is null, perhaps a copy of another), or changes one. */
export function AgentEditor({ agent, agents, copyOf }) {
  const { api, actions } = useApp();
  const [form, setForm] = useState(() => formOf(agent ?? agents.find((one) => one.name === copyOf), { copy: !agent }));
  const [error, setError] = useState(null);
  const [tried, setTried] = useState(false);
  const taken = agents.map((one) => one.name);
  const problems = agentProblems(form, { isNew: !agent, taken });
  const change = (changes) => setForm((before) => ({ ...before, ...changes }));

  const save = async (event) => {
    event.preventDefault();
    setTried(true);
    if (Object.values(problems).some(Boolean)) return document.querySelector(".editor [aria-invalid]")?.focus();
    try {
      if (agent) await api.put(api.agent(agent.name), bodyOf(form));
      else await api.post("agents", { name: form.name, ...bodyOf(form) });
      await actions.onAgent(async () => {});
      actions.say(`${form.name} is saved`);
      go(link("agents"));
    } catch (problem) {
      setError(problem);
    }
    return undefined;
  };

  return html`
    <header class="bar"><a class="button plain icon small" href=${link("agents")} aria-label="All agents"><${Icon} name="back" /></a>
      <h1 class="cut">${agent ? agent.name : "New agent"}</h1></header>
    <div class="scroll"><form class="page editor" onSubmit=${save} novalidate>
      ${agent?.source === "shipped"
        && html`<p class="soft">This agent comes with the product. Saving makes a version of your own, which then wins.</p>`}
      ${agent?.error && html`<${ProblemLine} error=${{ message: agent.error }} />`}
      <${Basics} form=${form} problems=${problems} tried=${tried} change=${change} isNew=${!agent} />
      <${Words} form=${form} problems=${problems} change=${change} />
      ${agent && html`<p class="faint row"><span class="cut mono">${agent.folder}</span>
        <${Copy} text=${agent.folder} label="Copy folder" /></p>`}
      ${error && html`<${ProblemLine} error=${error} />`}
      <footer><button class="button primary">Save</button><a class="button" href=${link("agents")}>Cancel</a></footer>
    </form></div>`;
}

function Basics({ form, problems, tried, change, isNew }) {
  const backends = [...new Set([...Object.keys(BACKENDS), form.backend].filter(Boolean))];
  const problemOf = (name) => (form[name] || tried ? problems[name] : "");
  const line = (label, name, hint, extra = {}) => html`<${Field} label=${label} hint=${hint} problem=${problemOf(name)}>
    ${(props) => html`<input class=${`input${extra.mono ? " mono" : ""}`} ...${props} value=${form[name]}
      disabled=${extra.disabled} onInput=${(event) => change({ [name]: event.target.value })} spellcheck=${false} />`}<//>`;
  return html`<div class="form-grid">
      ${line("Name", "name", "How sessions ask for it", { disabled: !isNew })}
      <${Field} label="Backend" hint=${BACKENDS[form.backend]?.title ?? "What kind of agent it is"}>
        ${(props) => html`<select class="select" ...${props} value=${form.backend}
          onChange=${(event) => change({ backend: event.target.value })}>
          ${backends.map((name) => html`<option key=${name} value=${name} selected=${name === form.backend}>${name}</option>`)}</select>`}
      <//>
      ${line("Model", "model", "Empty: the backend's own choice")}
    </div>
    ${line("Description", "description", "One line for people and for other agents")}
    ${takesCommand(form.backend)
      && line("Command", "command", "Program and arguments. Quote what has spaces", { mono: true })}
    ${line("Labels", "labels", "The launcher must carry them: gpu=yes, os=linux")}`;
}

function Words({ form, problems, change }) {
  const area = (label, name, hint, tall) => html`<${Field} label=${label} hint=${hint} problem=${problems[name]}>
    ${(props) => html`<textarea class=${`textarea mono${tall ? " tall" : ""}`} rows=${tall ? 9 : 3} ...${props}
      value=${form[name]} onInput=${(event) => change({ [name]: event.target.value })} spellcheck=${false}></textarea>`}<//>`;
  return html`${area("System prompt", "system_prompt", "What it is and how it works; Markdown", true)}
    ${area("MCP servers", "mcp_servers", 'JSON: {"name": {"command": "…", "args": []}} or {"name": {"url": "…"}}')}
    ${area("Limits", "limits", 'JSON, for example {"max_run_seconds": 3600, "max_cost_usd": 5}')}
    ${area("Options", "options", `JSON: ${optionNames(form.backend).join(", ") || "what only this backend understands"}`)}
    ${area("Sandbox", "sandbox", 'Empty, bubblewrap, or JSON: {"kind": "bubblewrap", "network": false}')}`;
}
