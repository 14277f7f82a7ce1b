/** The raw output of an attempt: its end first, what comes as it comes, what was before when asked. */
import { keep, recall } from "../browser/drafts.js";
import { html, useApp, useCallback, useEffect, useMemo, useState } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { fitting, linesOf, pieces } from "../model/log-lines.js";
import { bytes, exactly } from "./amounts.js";
import { Copy, ProblemLine } from "./controls.js";
import { Icon } from "./icons.js";
import { VirtualList } from "./virtual-list.js";

const SHOWN_AT_FIRST = 128 * 1024;
const WAIT_SECONDS = 20;
const RETRY_MS = 2000;
// Escape sequences are for terminals; colours and cursor moves would be noise here.
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** The log of one attempt, followed until it is complete. */
export function LogView({ job, attempt }) {
  const { api } = useApp();
  const [log, setLog] = useState({ text: "", start: null, next: 0, complete: false, error: null });
  const [from, setFrom] = useState(() => (attempt === job.attempt ? Math.max(0, job.log_bytes - SHOWN_AT_FIRST) : 0));
  const [wanted, setWanted] = useState("");
  const [wraps, setWraps] = useState(() => recall("log wraps", true));
  const path = api.job(job.job_id, "log");

  useEffect(() => {
    const leaving = new AbortController();
    const change = (changes) => setLog((before) => ({ ...before, ...(typeof changes === "function" ? changes(before) : changes) }));
    readOn(api, { path, attempt, from, signal: leaving.signal, change });
    return () => leaving.abort();
  }, [from]);
  const lines = useMemo(() => linesOf(log.text), [log.text]);
  const shown = useMemo(() => fitting(lines, wanted), [lines, wanted]);
  const wrap = () => (keep("log wraps", !wraps), setWraps(!wraps));
  return html`<div class="log">
    <div class="log-head"><span class="num">${wanted ? `${exactly(shown.length)} of ${exactly(lines.length)} lines`
      : `${bytes(log.next)}${log.complete ? "" : " so far"}`}</span>
      ${!log.complete && !log.error && html`<span class="status" data-tone="running">live</span>`}
      ${log.start > 0 && html`<button class="button plain small" onClick=${() => setFrom(0)}>Show from the beginning</button>`}
      <input class="input grow" type="search" aria-label="Search this log" placeholder="Search this log" value=${wanted}
        onInput=${(event) => setWanted(event.target.value)} autocomplete="off" spellcheck=${false} />
      <button type="button" class="button plain small" aria-pressed=${wraps} onClick=${wrap}>Wrap</button>
      <${Download} path=${path} attempt=${attempt} name=${`${job.job_id}.${attempt}.log`} />
      <${Copy} text=${log.text} label="Copy log" /></div>
    ${log.error && html`<${ProblemLine} error=${log.error} />`}
    <${Lines} key=${wraps} lines=${shown} wanted=${wanted} wraps=${wraps} numbered=${log.start === 0} />
    ${!shown.length && (wanted || log.complete)
      && html`<p class="log-none soft">${wanted ? "No line holds this." : "It wrote nothing."}</p>`}
  </div>`;
}

/** The lines; they carry numbers where the beginning is known. */
function Lines({ lines, wanted, wraps, numbered }) {
  const draw = useCallback(
    ({ number, text }) => html`<div class="log-line" data-line=${numbered ? number : undefined}>${pieces(text, wanted).map(
      (piece, place) => (place % 2 ? html`<mark>${piece}</mark>` : piece))}</div>`,
    [wanted, numbered],
  );
  return html`<${VirtualList} items=${lines} keyOf=${keyOf} draw=${draw} guess=${19} label="Raw log" role="log"
    className=${`log-lines${wraps ? " wraps" : ""}${numbered ? " numbered" : ""}`} stickToEnd />`;
}

const keyOf = (line) => line.number;

/** Saves the whole log as it was written, escape sequences and all. */
function Download({ path, attempt, name }) {
  const { api, actions } = useApp();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const url = URL.createObjectURL(new Blob(await readWhole(api, path, attempt)));
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), RETRY_MS);
    } catch (error) {
      actions.say(sentence(error), { failed: true });
    }
    setBusy(false);
  };
  return html`<button type="button" class="button plain icon small" aria-label="Download log" title="Download log" disabled=${busy}
    onClick=${save}><${Icon} name="down" size=${14} /></button>`;
}

async function readWhole(api, path, attempt) {
  const parts = [];
  for (let offset = 0; ; ) {
    const answer = await api.ask("GET", path, { query: { attempt, offset } });
    const part = await answer.arrayBuffer();
    if (!part.byteLength) return parts;
    parts.push(part);
    offset = Number(answer.headers.get("x-log-next"));
  }
}

async function readOn(api, { path, attempt, from, signal, change }) {
  const decoder = new TextDecoder();
  let offset = from;
  change({ text: "", start: null, next: 0, complete: false, error: null });
  for (let first = true; ; first = false) {
    try {
      const answer = await api.ask("GET", path, { query: { attempt, offset, wait: first ? 0 : WAIT_SECONDS }, signal });
      const start = Number(answer.headers.get("x-log-start") ?? offset);
      const chunk = await answer.arrayBuffer();
      const complete = answer.headers.get("x-log-complete") === "true" && chunk.byteLength === 0;
      const jumped = start > offset && offset > from ? `\n… ${bytes(start - offset)} were not kept …\n` : "";
      offset = Number(answer.headers.get("x-log-next") ?? start + chunk.byteLength);
      const text = jumped + decoder.decode(chunk, { stream: true }).replace(ESCAPES, "");
      change((before) => ({ text: before.text + text, start: before.start ?? start, next: offset, complete, error: null }));
      if (complete) return;
    } catch (error) {
      if (signal.aborted) return;
      change({ error });
      if (error.status >= 400 && error.status < 500) return;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}
