/** The list of sessions: what runs, what needs somebody, what came out. */
import { recall, keep } from "../browser/drafts.js";
import { go, link, readRoute } from "../browser/router.js";
import { html, useApp, useCallback, useEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { isUnreachable } from "../model/api.js";
import { arrange, needsMe, passes, STATUS_GROUPS } from "../model/arrange.js";
import { useReading, useReadingAfterCut } from "../model/reading.js";
import { useStore } from "../model/store.js";
import { Command, Empty, Filters, ProblemLine, Search } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { SessionRow } from "../parts/session-row.js";
import { Unread } from "../parts/unread.js";
import { VirtualList } from "../parts/virtual-list.js";
import { Selection } from "./selection.js";

const STATUSES = [
  ["", "All"],
  ["needs_me", "Needs me"],
  ["active", "Active"],
  ["failed", "Failed"],
  ["rest", "At rest"],
];
const PAGE = 100;
const UNFOLDED_MAX = 8;
const SEARCH_MS = 200;

/** The view at `#/sessions`; its filters are in the address. */
export function SessionsView({ query }) {
  const filters = useMemo(() => Object.fromEntries(query), [String(query)]);
  const setFilter = (name, value) => go(link("sessions", { ...filters, [name]: value }), { replace: true });
  const address = link("sessions", filters);
  const left = useLeftBehind(address);
  const { loaded, pages, error, more, again } = useSessionPages(filters, left);
  const sessions = useStore((state) => state.sessions);
  const [nested, setNested] = useState(() => recall("nested", true));
  const [turned, setTurned] = useState(() => left.turned ?? new Set());
  const place = useRef(left.place ?? {}).current;
  useLeaving({ address, loaded, pages, turned, place });
  const rows = useMemo(() => {
    const shown = [...sessions.values()].filter((session) => session.session_id >= loaded.floor && passes(session, filters));
    const folded = (id, below) => below > UNFOLDED_MAX !== turned.has(id);
    return stable(arrange(shown, { nested, folded, byNeed: filters.status === "needs_me" }));
  }, [sessions, filters, nested, turned, loaded.floor]);
  const fold = useCallback((id) => setTurned((before) => toggled(before, id)), []);
  const [picked, setPicked] = useState(() => new Set());
  const pick = useCallback((id) => setPicked((before) => toggled(before, id)), []);
  const draw = useCallback(
    (row) => html`<${SessionRow} row=${row} onFold=${fold} picked=${picked.has(keyOf(row))} onPick=${pick} />`,
    [fold, picked],
  );
  const narrowed = Object.keys(filters).length > 0;
  const chosen = [...picked].map((id) => sessions.get(id)).filter(Boolean);

  return html`
    <header class="bar">
      <h1>Sessions</h1>
      <${Search} label="Search sessions" value=${filters.q ?? ""} onInput=${(text) => setFilter("q", text)} />
      <div class="actions">
        <a class="button primary menu-button" href=${link("new")} aria-label="New session"><${Icon} name="plus" /></a>
      </div>
    </header>
    ${chosen.length > 0 ? html`<${Selection} sessions=${chosen} onClear=${() => setPicked(new Set())} />`
      : html`<div class="bar second">
      <${StatusFilters} filters=${filters} onChoose=${(value) => setFilter("status", value)} />
      <${Pickers} filters=${filters} setFilter=${setFilter} />
      <button class="button plain small" aria-pressed=${nested} title="Show children below their parents"
        onClick=${() => (keep("nested", !nested), setNested(!nested))}><${Icon} name="branch" size=${14} />
        <span class="wide-only">Tree</span></button>
    </div>`}
    ${isUnreachable(error) && !rows.length && html`<${Unread} what="Sessions" />`}
    ${error && !isUnreachable(error) && html`<div class="page"><${ProblemLine} error=${error} onAgain=${again} /></div>`}
    ${rows.length > 0 && html`<${Heads} />`}
    ${rows.length > 0 && html`<${VirtualList} items=${rows} keyOf=${keyOf} draw=${draw} guess=${42} label="Sessions" place=${place}
      onEnd=${more} className="sessions" />`}
    ${loaded.done && !rows.length && !error
      && html`<div class="scroll">${narrowed ? html`<${NothingFound} />` : html`<${NoSessions} />`}</div>`}
  `;
}

/** What the list was like when it was left, for whoever comes back to the same address; else nothing. */
function useLeftBehind(address) {
  const { memory } = useApp();
  const left = useRef(memory.get("list")?.address === address ? memory.get("list") : {}).current;
  useEffect(() => {
    if (!left.opened) return undefined;
    // Its row is drawn when the list has found its place again; who does something meanwhile is not taken away from it.
    let frame = 0;
    const leave = () => cancelAnimationFrame(frame);
    const look = () => {
      const row = document.querySelector(`[data-session="${left.opened}"] [data-row]`);
      if (row) row.focus({ preventScroll: true });
      else frame = requestAnimationFrame(look);
    };
    frame = requestAnimationFrame(look);
    const acts = ["keydown", "pointerdown", "wheel"];
    for (const act of acts) addEventListener(act, leave, { once: true });
    return () => {
      leave();
      for (const act of acts) removeEventListener(act, leave);
    };
  }, []);
  return left;
}

function useLeaving(list) {
  const { memory } = useApp();
  const now = useRef(list);
  now.current = list;
  useEffect(() => () => memory.set("list", { ...now.current, opened: readRoute().path[1] }), []);
}

const keyOf = (row) => row.session.session_id;
const toggled = (set, id) => {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
};

/** Rows that say the same as before are the same objects, so that only what changed is drawn again. */
const known = new WeakMap();
function stable(rows) {
  return rows.map((row) => {
    const before = known.get(row.session);
    const same = before && before.depth === row.depth && before.children === row.children && before.busy === row.busy
      && before.folded === row.folded;
    if (same) return before;
    known.set(row.session, row);
    return row;
  });
}

/** Reads the pages of a filter from the runtime; what is shown is then filtered again from what is known. */
function useSessionPages(filters, left) {
  const { api, knowledge } = useApp();
  const [loaded, setLoaded] = useState(left.loaded ?? { floor: "~", done: false });
  const [error, setError] = useState(null);
  const pages = useRef(left.pages ?? { busy: false, open: [] });
  const isBack = useRef(Boolean(left.pages));
  const key = JSON.stringify(filters);

  const read = useCallback(async () => {
    const mine = pages.current;
    if (mine.busy || !mine.open.length) return;
    mine.busy = true;
    try {
      await Promise.all(mine.open.map((page) => readPage(page, filters)));
      if (mine !== pages.current) return;
      mine.open = mine.open.filter((page) => page.cursor);
      // Below the oldest row of a list that goes on, rows are missing: nothing is shown from there.
      setLoaded({ floor: mine.open.map((page) => page.oldest).sort().at(-1) ?? "", done: true });
      setError(null);
    } catch (problem) {
      if (mine === pages.current) setError(problem);
    } finally {
      mine.busy = false;
    }
  }, [key]);

  async function readPage(page, { agent, tree, q }) {
    const answer = await api.get("sessions", { status: page.status, agent, tree, q, limit: PAGE, cursor: page.cursor });
    knowledge.learn(answer.sessions);
    page.cursor = answer.next_cursor;
    page.oldest = answer.sessions.at(-1)?.session_id ?? "";
  }

  // The runtime filters by one status at a time: a group of them is several lists, read side by side.
  const firstPages = () => (STATUS_GROUPS[filters.status] ?? [filters.status]).map((status) => ({ status, cursor: null, oldest: "" }));
  const begin = useCallback(() => {
    pages.current = { busy: false, open: firstPages() };
    setLoaded((before) => ({ ...before, done: false }));
    return read();
  }, [read]);

  useEffect(() => {
    // Who comes back has the old pages still, and reads only what is new.
    const fresh = () => Promise.all(firstPages().map((page) => readPage(page, filters))).catch(setError);
    const timer = setTimeout(isBack.current ? fresh : begin, filters.q ? SEARCH_MS : 0);
    isBack.current = false;
    const unwatch = knowledge.watch((event) => event.type === "gap" && begin());
    return () => {
      clearTimeout(timer);
      unwatch();
    };
  }, [key]);
  useReadingAfterCut(error, begin);
  return { loaded, pages: pages.current, error, more: read, again: begin };
}

/** The states that one can look for, each with how many there are. */
function StatusFilters({ filters, onChoose }) {
  const { api } = useApp();
  const { agent, tree, q } = filters;
  const asked = { agent, tree, q, counts: true, limit: 1 };
  const concerns = ({ type, data }) => /^(job|session)\./.test(type) || data?.waiting_input;
  const read = async () => (await api.get("sessions", asked)).counts;
  const { value: counts } = useReading(read, { key: `counts ${JSON.stringify(asked)}`, concerns });
  const stuck = useStore((state) => [...state.sessions.values()].filter((one) => one.status === "pending" && needsMe(one)).length);
  const sum = (statuses) => statuses.reduce((all, status) => all + (counts?.[status] ?? 0), 0);
  const numbers = {
    "": counts && Object.values(counts).reduce((all, number) => all + number, 0),
    needs_me: counts && sum(["waiting_input", "lost", "failed"]) + (agent || tree || q ? 0 : stuck),
    ...Object.fromEntries(["active", "failed", "rest"].map((name) => [name, counts && sum(STATUS_GROUPS[name])])),
  };
  const choices = STATUSES.map(([value, text]) => [value, text, numbers[value]]);
  return html`<${Filters} label="Status" choices=${choices} chosen=${filters.status ?? ""} onChoose=${onChoose} />`;
}

function Heads() {
  return html`<div class="heads" aria-hidden="true">
    <span>Status</span><span>Session</span><span>Agent</span><span>Why, or last words</span><span>Host</span>
    <span class="right">Cost</span><span class="right">Created</span>
  </div>`;
}

function Pickers({ filters, setFilter }) {
  const agents = useStore((state) => state.agents) ?? [];
  const launchers = useStore((state) => state.launchers) ?? [];
  const names = [...new Set([...agents.map((agent) => agent.name), filters.agent].filter(Boolean))];
  return html`
    <${Picker} label="Agent" value=${filters.agent} choices=${names.map((name) => [name, name])}
      onPick=${(value) => setFilter("agent", value)} />
    <${Picker} label="Launcher" value=${filters.launcher}
      choices=${launchers.map((one) => [one.launcher_id, one.name || one.hostname])} onPick=${(value) => setFilter("launcher", value)} />
    ${filters.tree
      && html`<button class="button small" onClick=${() => setFilter("tree", "")}>One tree<${Icon} name="close" size=${12} /></button>`}`;
}

function Picker({ label, value, choices, onPick }) {
  return html`<select class=${`picker${value ? " set" : ""}`} aria-label=${label} value=${value ?? ""}
    onChange=${(event) => onPick(event.target.value)}>
    <option value="">${label}: all</option>
    ${choices.map(([choice, text]) => html`<option key=${choice} value=${choice} selected=${choice === value}>${text}</option>`)}
  </select>`;
}

function NothingFound() {
  return html`<${Empty} icon="search" title="No session fits">
    <p>Nothing matches this search and these filters.</p>
    <a class="button" href=${link("sessions")}>Show all sessions</a>
  <//>`;
}

function NoSessions() {
  const launchers = useStore((state) => state.launchers);
  const alive = launchers?.some((launcher) => launcher.status === "alive");
  return html`<${Empty} icon="sessions" title="No sessions yet">
    ${alive === false && html`<p>First, something must be there to run them. Start a launcher on the machine where your projects are:</p>
      <${Command} text=${`servers/agent-launcher/agent-launcher --runtime-url ${location.origin}`} />`}
    <p>${alive === false ? "Then start" : "Start"} a session here, or from a terminal:</p>
    <${Command} text="commands/ao-start hello --agent echo -p 'Hello' --detach" />
    <a class="button primary" href=${link("new")}><${Icon} name="plus" />New session</a>
  <//>`;
}
