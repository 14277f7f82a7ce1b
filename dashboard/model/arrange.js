/** Which sessions a list shows, and in which order: pure, so that it can be thought about alone. */
import { sameCause } from "./causes.js";
import { hasQuestion, isStalled } from "./reasons.js";

/** The states in which a session waits for a person, whatever the cause. */
export const WAITS_FOR_A_PERSON = ["waiting_input", "lost", "failed"];

/** The status filters by name, with the statuses that they let through. */
export const STATUS_GROUPS = {
  active: ["pending", "running", "waiting_input", "waiting", "lost"],
  waiting_input: ["waiting_input"],
  failed: ["failed", "lost"],
  // Those that wait in the queue, or run, are among them if nothing but a person helps.
  needs_me: [...WAITS_FOR_A_PERSON, "pending", "running"],
  rest: ["finished", "stopped", "failed"],
};

const STUCK = new Set([
  "held", "no_launcher", "no_matching_launcher", "no_client",
  "launcher_not_answering", "launcher_short_of_memory", "launcher_cannot_start_jobs",
]);

/** Whether a session waits for a person: it asks, is lost, has failed, is held or has stalled, or nobody can take it. */
export const needsMe = ({ status, reason }) =>
  WAITS_FOR_A_PERSON.includes(status) || isStalled({ status, reason }) || (status === "pending" && STUCK.has(reason));

/** Whether there is something to stop: what has asked and waits is at work, what has ended its turn is not. */
export const isAtWork = (session) =>
  STATUS_GROUPS.active.includes(session.status) && (session.status !== "waiting_input" || hasQuestion(session));

/** In what else than the newest first a list can stand. */
export const ORDERS = [
  ["cause", "Group by cause"],
  ["cost", "Dearest first"],
  ["change", "Last changed first"],
  ["oldest", "Oldest first"],
];

const BEFORE = {
  cost: (a, b) => (b.cost_usd ?? 0) - (a.cost_usd ?? 0),
  change: (a, b) => (a.updated_at < b.updated_at ? 1 : -1),
  oldest: (a, b) => (a.session_id < b.session_id ? -1 : 1),
};

/** Whether a session passes the filters of the list; `found` are the ids that the runtime has found for `q`. */
export function passes(session, { status, agent, launcher, tree, q }, found = null) {
  if (status && !(STATUS_GROUPS[status] ?? [status]).includes(session.status)) return false;
  if (status === "needs_me" && !needsMe(session)) return false;
  if (agent && session.agent_name !== agent) return false;
  if (launcher && session.launcher_id !== launcher) return false;
  if (tree && ![session.root_session_id, session.session_name, session.session_id].includes(tree)) return false;
  if (!q || found?.has(session.session_id)) return true;
  const wanted = q.toLowerCase();
  const texts = [session.session_name, session.agent_name, session.project_dir, session.result_preview];
  return texts.some((text) => text?.toLowerCase().includes(wanted));
}

/**
 * Puts sessions in order: newest first, and children below their parents where the parent is there too; or, by need,
 * those first that wait for a person most.
 * @returns {{session: object, depth: number, children: number, busy: number, folded: boolean}[]}
 */
export function arrange(sessions, { nested, folded, byNeed = false, order = "" }) {
  const newestFirst = [...sessions].sort((a, b) => (a.session_id < b.session_id ? 1 : -1));
  if (order === "cause") return byCause(newestFirst, folded);
  if (BEFORE[order]) return newestFirst.sort(BEFORE[order]).map((session) => row(session, 0, [], false));
  if (byNeed) {
    newestFirst.sort((a, b) => need(a) - need(b));
    return newestFirst.map((session) => row(session, 0, [], false));
  }
  if (!nested) return newestFirst.map((session) => row(session, 0, [], false));
  const shown = new Set(sessions.map((session) => session.session_id));
  const children = new Map();
  const roots = [];
  for (const session of newestFirst) {
    const parent = session.parent_session_id;
    if (!parent || !shown.has(parent)) roots.push(session);
    else if (children.has(parent)) children.get(parent).unshift(session);
    else children.set(parent, [session]);
  }
  const rows = [];
  for (const root of roots) place(root, 0, { rows, children, folded });
  return rows;
}

// Who asks in the middle of its work comes first: an answer lets it go on.
const need = (session) => (hasQuestion(session) ? -1 : STATUS_GROUPS.needs_me.indexOf(session.status));

function place(session, depth, { rows, children, folded }) {
  const below = descendants(session.session_id, children);
  const isFolded = below.length > 0 && folded(session.session_id, below.length);
  rows.push(row(session, depth, below, isFolded));
  if (isFolded) return;
  for (const child of children.get(session.session_id) ?? []) place(child, depth + 1, { rows, children, folded });
}

function descendants(id, children) {
  const own = children.get(id) ?? [];
  return own.concat(...own.map((child) => descendants(child.session_id, children)));
}

/** One heading for each cause, the most frequent first; below it those that stand there for it. */
function byCause(sessions, folded) {
  const groups = new Map();
  for (const session of sessions) {
    const cause = sameCause(session);
    if (groups.has(cause.key)) groups.get(cause.key).sessions.push(session);
    else groups.set(cause.key, { ...cause, sessions: [session] });
  }
  return [...groups.values()].sort((a, b) => b.sessions.length - a.sessions.length).flatMap(({ key, status, text, sessions: those }) => {
    const group = `cause ${key}`;
    const isFolded = folded(group, those.length);
    const head = { group, status, text, ids: those.map((session) => session.session_id), session: those[0], folded: isFolded };
    return [head, ...(isFolded ? [] : those.map((session) => row(session, 1, [], false)))];
  });
}

const row = (session, depth, below, folded) => ({
  session,
  depth,
  children: below.length,
  busy: below.filter((child) => STATUS_GROUPS.active.includes(child.status)).length,
  folded,
});
