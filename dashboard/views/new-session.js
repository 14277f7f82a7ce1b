/** Starting a session. */
import { keep, recall, useKept } from "../browser/drafts.js";
import { go, link } from "../browser/router.js";
import { html, useApp, useEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { whyNot } from "../model/clients.js";
import { newKey } from "../model/actions.js";
import { nameProblem, readPairs, readSpan, suggestName } from "../model/names.js";
import { LAUNCHER } from "../model/programs.js";
import { useStore } from "../model/store.js";
import { Command, Dialog, ProblemLine } from "../parts/controls.js";
import { Field } from "../parts/field.js";
import { Icon } from "../parts/icons.js";

const EMPTY = {
  agent: "", name: "", dir: "", prompt: "", launcher: "", labels: "", timeout: "", priority: "", begin: "", patience: "", retries: "",
  attempts: "", verify: "", parent: "", named: false,
};
const FURTHER = ["launcher", "labels", "timeout", "priority", "begin", "patience", "retries", "attempts", "verify", "parent"];
const DIRS_KEPT = 12;

/** What stands in the form, kept as a draft; `change` changes some of it, and `forget` all. */
function useForm({ again, agents, launchers, onChange }) {
  const [form, setForm] = useKept(again ? `draft again ${again}` : "draft new", EMPTY);
  const key = useRef(newKey());
  const value = { ...EMPTY, ...form };
  const latest = useRef(value);
  latest.current = value;
  const chosen = value.agent || proposed(agents ?? [], launchers);
  const change = (changes) => {
    key.current = newKey();
    onChange();
    const next = { ...latest.current, ...changes };
    // A name that a person has typed is theirs; a suggestion follows the agent.
    if (!next.named && (!next.name || changes.agent)) next.name = suggestName(next.agent || chosen);
    latest.current = next;
    setForm(next);
  };
  return { value: { ...value, agent: chosen }, key, change, forget: () => setForm(null) };
}

/** The dialog at `#/new`; `?agent=`, `?parent=` and `?dir=` fill it in, `?again=` with the order of another session. */
export function NewSession({ route }) {
  const { actions, knowledge, memory } = useApp();
  const agents = useStore((state) => state.agents)?.filter((agent) => agent.active) ?? null;
  const launchers = useStore((state) => state.launchers);
  const again = route.query.get("again");
  const [error, setError] = useState(null);
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const { value, key, change, forget } = useForm({ again, agents, launchers, onChange: () => setError(null) });
  const box = useRef(null);
  useEffect(() => {
    change(Object.fromEntries([...route.query].filter(([name]) => name in EMPTY)));
    box.current?.querySelector("[data-first]")?.focus();
  }, [agents === null]);
  useOrderOf(value.prompt ? null : again, change);
  const close = () => (memory.get("came from") ? history.back() : go(link("sessions"), { replace: true }));
  const problems = problemsOf(value);

  const start = async (event) => {
    event.preventDefault();
    setTried(true);
    setError(null);
    if (Object.values(problems).some(Boolean)) return;
    setSending(true);
    try {
      await actions.createJob(orderOf(value), key.current);
      remember(value);
      forget();
      knowledge.readSession(value.name).catch(() => {});
      go(link("sessions", value.name), { replace: true });
    } catch (problem) {
      setError(problem);
      setSending(false);
    }
  };

  return html`<${Dialog} title="New session" onClose=${close}>
    <form class="dialog-form" ref=${box} onSubmit=${start} novalidate
      onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && start(event)}>
      <div class="body">
        ${agents?.length === 0
          && html`<p class="soft">There is no active agent. <a class="button small" href=${link("agents", "new")}>Make one</a></p>`}
        <${AgentAndName} agents=${agents ?? []} launchers=${launchers} chosen=${value.agent} name=${value.name} change=${change}
          missing=${tried ? problems.agent : ""}
          problem=${value.name || tried ? problems.name : ""} />
        <${Folder} value=${value.dir} problem=${problems.dir} onChange=${(dir) => change({ dir })} />
        <${Prompt} value=${value.prompt} problem=${tried ? problems.prompt : ""} onChange=${(prompt) => change({ prompt })} />
        <${More} value=${value} problems=${problems} change=${change} />
        <${NobodyRuns} />
        ${error && html`<${ProblemLine} error=${error} />`}
      </div>
      <${Buttons} sending=${sending} onCancel=${close} />
    </form>
  <//>`;
}

function Prompt({ value, problem, onChange }) {
  return html`<${Field} label="Prompt" problem=${problem} hint="Ctrl Enter starts">
    ${(props) => html`<textarea class="textarea" data-first rows="5" ...${props} value=${value}
      onInput=${(event) => onChange(event.target.value)} placeholder="What should be done?"></textarea>`}
  <//>`;
}

function Buttons({ sending, onCancel }) {
  return html`<footer><button type="button" class="button" onClick=${onCancel}>Cancel</button>
    <button class="button primary" disabled=${sending}><${Icon} name="send" size=${14} />
      ${sending ? "Starting…" : "Start"}</button></footer>`;
}

/** Whether some launcher that is here has what an agent needs; true as long as nobody knows better. */
const canRun = (agent, launchers) => !agent.error && !whyNot(agent, launchers);

/** The agent of the last time if it can run now, else the only one that can; a person chooses among several. */
function proposed(agents, launchers) {
  const able = agents.filter((agent) => canRun(agent, launchers));
  const last = recall("last agent", "");
  if (able.some((agent) => agent.name === last)) return last;
  return able.length === 1 ? able[0].name : "";
}

/** Fills the form with what another session was asked first. */
function useOrderOf(name, change) {
  const { api, actions } = useApp();
  useEffect(() => {
    if (!name) return;
    actions.attempt(async () => {
      const { jobs } = await api.get("jobs", { session: name, limit: 100 });
      const job = await api.get(api.job(jobs.at(-1).job_id));
      const labels = Object.entries(job.labels).map((pair) => pair.join("=")).join(", ");
      const timeout = job.timeout_seconds ? String(job.timeout_seconds) : "";
      const priority = job.priority ? String(job.priority) : "";
      const [shell, option, script = ""] = job.verify?.command ?? [];
      const verify = shell === "sh" && option === "-c" ? script : "";
      change({ agent: job.agent_name, dir: job.project_dir ?? "", prompt: job.prompt, labels, timeout, priority, verify });
    });
  }, []);
}

/** What is said of a chosen agent: why it would wait, or else what it is. */
const hintOf = (agent, launchers) => (agent ? whyNot(agent, launchers) || agent.description : "");

function AgentAndName({ agents, launchers, chosen, name, problem, missing, change }) {
  const choose = (event) => change({ agent: event.target.value });
  const rename = (event) => {
    const typed = event.target.value.trim();
    change({ name: typed, named: Boolean(typed) });
  };
  const say = (agent) => (canRun(agent, launchers) ? agent.name : `${agent.name} (${agent.error ? "broken" : "no launcher for it"})`);
  const options = agents.map(
    (agent) => html`<option key=${agent.name} value=${agent.name} selected=${agent.name === chosen}>${say(agent)}</option>`,
  );
  return html`<div class="form-grid">
    <${Field} label="Agent" hint=${hintOf(agents.find((agent) => agent.name === chosen), launchers)} problem=${missing}>
      ${(props) => html`<select class="select" ...${props} value=${chosen} onChange=${choose}>
        ${!chosen && html`<option value="" selected>Choose…</option>`}${options}</select>`}
    <//>
    <${Field} label="Name" problem=${problem} hint="A name to find it again">
      ${(props) => html`<input class="input" ...${props} value=${name} onInput=${rename} autocomplete="off" spellcheck=${false} />`}
    <//>
  </div>`;
}

function Folder({ value, problem, onChange }) {
  const sessions = useStore((state) => state.sessions);
  const recent = useMemo(() => {
    const used = [...sessions.values()].map((session) => session.project_dir);
    return [...new Set([...recall("recent dirs", []), ...used])].filter(Boolean).slice(0, DIRS_KEPT);
  }, [sessions]);
  return html`<${Field} label="Project folder" problem=${problem} 
    hint="On the launcher's machine, where ~ is its home; empty: the launcher's own">
    ${(props) => html`<input class="input mono" list="recent-dirs" ...${props} value=${value}
      onInput=${(event) => onChange(event.target.value)} placeholder="/home/you/project" spellcheck=${false} />
      <datalist id="recent-dirs">${recent.map((dir) => html`<option key=${dir} value=${dir} />`)}</datalist>`}
  <//>`;
}

function More({ value, problems, change }) {
  const launchers = useStore((state) => state.launchers)?.filter((launcher) => launcher.status !== "gone") ?? [];
  const text = (label, name, hint, extra = {}) => html`<${Field} label=${label} hint=${hint} problem=${problems[name]}>
    ${(props) => html`<input class="input" ...${props} ...${extra} value=${value[name]}
      onInput=${(event) => change({ [name]: event.target.value })} />`}<//>`;
  return html`<details class="more" open=${FURTHER.some((name) => value[name])}>
    <summary>Where it runs, limits</summary>
    <div class="form-grid">
      <${Field} label="Launcher" hint="Empty: any that fits">
        ${(props) => html`<select class="select" ...${props} value=${value.launcher}
          onChange=${(event) => change({ launcher: event.target.value })}>
          <option value="">Any</option>
          ${launchers.map((one) => html`<option key=${one.launcher_id} value=${one.launcher_id}
              selected=${one.launcher_id === value.launcher}>${one.name || one.hostname}</option>`)}</select>`}
      <//>
      ${text("Labels", "labels", "The launcher must carry them: gpu=yes, os=linux")}
      ${text("Time limit", "timeout", "90, 30m or 2h; empty: none")}
      ${text("Priority", "priority", "−100 to 100; higher goes first", { inputmode: "numeric" })}
      ${text("Not before", "begin", "Empty: as soon as it can", { type: "datetime-local" })}
      ${text("Longest wait", "patience", "If nothing has begun it by then, it is given up; empty: none")}
      ${text("Retries", "retries", "Further tries by class of failure: agent=1, network=5")}
      ${text("Attempts", "attempts", "Tries after the machine's failures; empty: 1", { inputmode: "numeric" })}
      ${text("Proved by", "verify", "A shell command that has to pass in the folder: make test")}
      ${text("Parent", "parent", "The session that it belongs to")}
    </div></details>`;
}

function NobodyRuns() {
  const none = useStore((state) => state.launchers && !state.launchers.some((launcher) => launcher.status === "alive"));
  if (!none) return null;
  return html`<div class="soft stack"><p>No launcher is alive: the session will wait until there is one.</p>
    <${Command} text=${`${LAUNCHER} --runtime-url ${location.origin}`} /></div>`;
}

function numberProblem(text, low, high, whole) {
  const value = Number(text);
  const fits = Number.isFinite(value) && value >= low && value <= high && (!whole || Number.isInteger(value));
  return text === "" || fits ? "" : `A ${whole ? "whole " : ""}number from ${low} to ${high}`;
}

function timeProblem(text) {
  const seconds = readSpan(text);
  return text === "" || (seconds >= 1 && seconds <= 31_536_000) ? "" : "A time from a second to a year: 90, 30m, 2h";
}

function problemsOf(value) {
  return {
    agent: value.agent ? "" : "Choose an agent",
    name: nameProblem(value.name),
    dir: value.dir && !/^(\/|~(\/|$))/.test(value.dir) ? "An absolute path, beginning with / or ~/" : "",
    prompt: value.prompt.trim() ? "" : "Say what should be done",
    labels: readPairs(value.labels).problem,
    timeout: timeProblem(value.timeout),
    patience: timeProblem(value.patience),
    retries: readPairs(value.retries).problem,
    priority: numberProblem(value.priority, -100, 100, true),
    attempts: numberProblem(value.attempts, 1, 100, true),
    parent: value.parent ? nameProblem(value.parent) : "",
  };
}

/** Further tries by class: numbers, and the one word that there is. */
const triesIn = (text) =>
  Object.fromEntries(Object.entries(readPairs(text).pairs).map(([name, tries]) => [name, tries === "until_reset" ? tries : Number(tries)]));

function orderOf(value) {
  const order = { type: "start_session", session_name: value.name, agent_name: value.agent, prompt: value.prompt };
  if (value.dir) order.project_dir = value.dir;
  if (value.launcher) order.launcher_id = value.launcher;
  if (value.labels.trim()) order.labels = readPairs(value.labels).pairs;
  if (value.timeout) order.timeout_seconds = readSpan(value.timeout);
  if (value.priority) order.priority = Number(value.priority);
  if (value.begin) order.not_before = new Date(value.begin).toISOString();
  if (value.patience) order.queue_timeout_seconds = readSpan(value.patience);
  if (value.retries.trim()) order.retries = triesIn(value.retries);
  if (value.attempts) order.max_attempts = Number(value.attempts);
  if (value.verify.trim()) order.verify = { command: ["sh", "-c", value.verify] };
  if (value.parent) order.parent_session_name = value.parent;
  return order;
}

function remember({ agent, dir }) {
  keep("last agent", agent);
  if (dir) keep("recent dirs", [...new Set([dir, ...recall("recent dirs", [])])].slice(0, DIRS_KEPT));
}
