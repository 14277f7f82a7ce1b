/** What items of a conversation came to in the end: pure, and the same object again for what has not changed. */

const OVER = new Set(["completed", "failed", "stopped"]);

/**
 * Makes the function that settles items: what their run's end says about them takes the place of what they said when
 * they came. What says a thing twice is left out.
 */
export function createSettling() {
  const settled = new WeakMap();

  /** Gives the changed item; the same one as long as the item and the changes are. */
  function changed(item, changes) {
    const key = JSON.stringify(changes);
    const before = settled.get(item);
    if (before?.key === key) return before.made;
    const made = { ...item, ...changes };
    settled.set(item, { key, made });
    return made;
  }

  return (items) => {
    const runs = new Map(items.filter((item) => item.kind === "run").map((run) => [run.jobId, run]));
    const answered = new Set(items.filter((item) => item.kind === "result").map(attemptOf));
    const shown = [];
    for (const item of items) {
      const run = runs.get(item.jobId);
      const changes = run ? (RULES[item.kind]?.(item, run, answered.has(attemptOf(item))) ?? {}) : {};
      if (changes === LEFT_OUT) continue;
      shown.push(Object.keys(changes).length ? changed(item, changes) : item);
    }
    return merged(shown, changed);
  };
}

const attemptOf = (item) => `${item.jobId} ${item.attempt}`;
const LEFT_OUT = Symbol("left out");
const isEarlier = (item, run) => (item.attempt ?? 0) < (run.ran ?? 0);
const wasWithdrawn = (run) => run.state === "stopped" && !run.startedAt;

const RULES = {
  run: (run) => (wasWithdrawn(run) ? LEFT_OUT : {}),
  tool(item, run) {
    if (item.state !== "running") return {};
    if (isEarlier(item, run)) return { state: "stopped", endedAt: item.at };
    if (OVER.has(run.state)) return { state: "stopped", endedAt: run.endedAt };
    return run.state === "lost" ? { state: "lost", endedAt: run.lostAt } : {};
  },
  result: (item, run) => (run.state === "stopped" && !isEarlier(item, run) ? { stopped: true } : {}),
  failure(item, run) {
    const isUndone = !isEarlier(item, run) && ["running", "completed", "stopped"].includes(run.state);
    return isUndone ? { kind: "note", tone: "quiet", text: "It was given up for a while, which was wrong" } : {};
  },
  note(item, run, hasResult) {
    if (item.about === "stop requested" && OVER.has(run.state)) return LEFT_OUT;
    if (item.about === "stopped" && wasWithdrawn(run)) return { withdrawn: 1, text: withdrawnWords(1) };
    if (item.about === "stopped" && hasResult) return LEFT_OUT;
    if (item.about === "lost" && !["lost", "failed"].includes(run.state)) return { tone: "quiet", text: WAS_SILENT };
    return {};
  },
};

const WAS_SILENT = "From here on nothing was heard of its launcher for a while";
const withdrawnWords = (number) =>
  number === 1 ? "A message was withdrawn before it ran" : `${number} messages were withdrawn before they ran`;

/** Messages that were withdrawn together are one line. */
function merged(items, changed) {
  const shown = [];
  for (const item of items) {
    const last = shown.at(-1);
    if (!item.withdrawn || !last?.withdrawn) shown.push(item);
    else shown[shown.length - 1] = changed(last, { withdrawn: last.withdrawn + 1, text: withdrawnWords(last.withdrawn + 1) });
  }
  return shown;
}
