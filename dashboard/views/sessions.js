/** The list of sessions: what runs, what needs somebody, what came out. */
import { recall, keep } from "../browser/drafts.js";
import { go, link, readRoute } from "../browser/router.js";
import { html, useApp, useCallback, useEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { isUnreachable } from "../model/api.js";
import { arrange, needsMe, ORDERS, passes, STATUS_GROUPS, WAITS_FOR_A_PERSON } from "../model/arrange.js";
import { AO, LAUNCHER } from "../model/programs.js";
import { useReading } from "../model/reading.js";
import { ORDERED_MAX, useSessionPages } from "../model/session-pages.js";
import { useStore } from "../model/store.js";
import { exactly } from "../parts/amounts.js";
import { Command, Empty, Filters, ProblemLine, Search } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { GroupRow, SessionRow } from "../parts/session-row.js";
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
const UNFOLDED_MAX = 8;

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
    const found = loaded.q === filters.q ? loaded.found : null;
    const shown = [...sessions.values()].filter((one) => one.session_id >= loaded.floor && passes(one, filters, found));
    const folded = (id, below) => below > UNFOLDED_MAX !== turned.has(id);
    return stable(arrange(shown, { nested, folded, byNeed: filters.status === "needs_me", order: filters.order }));
  }, [sessions, filters, nested, turned, loaded]);
  const fold = useCallback((id) => setTurned((before) => toggled(before, id)), []);
  const [picked, setPicked] = useState(() => new Set());
  const pick = useCallback((id) => setPicked((before) => toggled(before, id)), []);
  const pickAll = useCallback((ids, on) => setPicked((before) => withAll(before, ids, on)), []);
  const draw = useCallback(
    (row) => row.group ? html`<${GroupRow} row=${row} onFold=${fold} picked=${row.ids.every((id) => picked.has(id))} onPick=${pickAll} />`
      : html`<${SessionRow} row=${row} onFold=${fold} picked=${picked.has(keyOf(row))} onPick=${pick} />`,
    [fold, picked],
  );
  const cut = filters.order && loaded.hasMore && loaded.q === filters.q;
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
      <${Picker} label="Order" none="Newest first" value=${filters.order} choices=${ORDERS}
        onPick=${(value) => setFilter("order", value)} />
      <button class="button plain small" aria-pressed=${nested} disabled=${Boolean(filters.order)}
        title="Show children below their parents"
        onClick=${() => (keep("nested", !nested), setNested(!nested))}><${Icon} name="branch" size=${14} />
        <span class="wide-only">Tree</span></button>
    </div>`}
    ${isUnreachable(error) && !rows.length && html`<${Unread} what="Sessions" />`}
    ${error && !isUnreachable(error) && html`<div class="page"><${ProblemLine} error=${error} onAgain=${again} /></div>`}
    ${cut && html`<p class="cut-note soft">In this order stand the newest ${exactly(ORDERED_MAX)}; filters and search look at all.</p>`}
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

const keyOf = (row) => row.group ?? row.session.session_id;
const withAll = (set, ids, on) => new Set(on ? [...set, ...ids] : [...set].filter((id) => !ids.includes(id)));
const toggled = (set, id) => {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
};

/** Rows that say the same as before are the same objects, so that only what changed is drawn again. */
const known = new WeakMap();
function stable(rows) {
  return rows.map((row) => {
    if (row.group) return row;
    const before = known.get(row.session);
    const same = before && before.depth === row.depth && before.children === row.children && before.busy === row.busy
      && before.folded === row.folded;
    if (same) return before;
    known.set(row.session, row);
    return row;
  });
}

/** The states that one can look for, each with how many there are. */
function StatusFilters({ filters, onChoose }) {
  const { api } = useApp();
  const { agent, tree, q } = filters;
  const asked = { agent, tree, q, counts: true, limit: 1 };
  const concerns = ({ type, data }) => /^(job|session)\./.test(type) || data?.waiting_input;
  const read = async () => (await api.get("sessions", asked)).counts;
  const { value: counts } = useReading(read, { key: `counts ${JSON.stringify(asked)}`, concerns });
  // Those the runtime counts; the others are counted here.
  const needs = (one) => !WAITS_FOR_A_PERSON.includes(one.status) && needsMe(one);
  const others = useStore((state) => [...state.sessions.values()].filter(needs).length);
  const sum = (statuses) => statuses.reduce((all, status) => all + (counts?.[status] ?? 0), 0);
  const numbers = {
    "": counts && Object.values(counts).reduce((all, number) => all + number, 0),
    needs_me: counts && sum(WAITS_FOR_A_PERSON) + (agent || tree || q ? 0 : others),
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

function Picker({ label, none = `${label}: all`, value, choices, onPick }) {
  return html`<select class=${`picker${value ? " set" : ""}`} aria-label=${label} value=${value ?? ""}
    onChange=${(event) => onPick(event.target.value)}>
    <option value="">${none}</option>
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
      <${Command} text=${`${LAUNCHER} --runtime-url ${location.origin}`} />`}
    <p>${alive === false ? "Then start" : "Start"} a session here, or from a terminal:</p>
    <${Command} text=${`${AO} start hello --agent echo -p 'Hello' --detach`} />
    <a class="button primary" href=${link("new")}><${Icon} name="plus" />New session</a>
  <//>`;
}
