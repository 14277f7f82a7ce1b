/** The raw output of an attempt: its end first, what comes as it comes, what was before when asked. */
import { html, useApp, useEffect, useRef, useState } from "../browser/ui.js";
import { bytes } from "./amounts.js";
import { Copy, ProblemLine } from "./controls.js";

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
  const box = useRef(null);
  const atEnd = useRef(true);

  useEffect(() => {
    const leaving = new AbortController();
    const change = (changes) => setLog((before) => ({ ...before, ...(typeof changes === "function" ? changes(before) : changes) }));
    readOn(api, { path: api.job(job.job_id, "log"), attempt, from, signal: leaving.signal, change });
    return () => leaving.abort();
  }, [from]);
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.text]);

  const scrolled = () => {
    if (!box.current) return;
    atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < 24;
  };
  return html`<div class="log">
    <div class="log-head"><span class="num">${bytes(log.next)}${log.complete ? "" : " so far"}</span>
      ${!log.complete && !log.error && html`<span class="status" data-tone="running">live</span>`}
      ${log.start > 0 && html`<button class="button plain small" onClick=${() => setFrom(0)}>Show from the beginning</button>`}
      <span class="grow"></span><${Copy} text=${log.text} label="Copy log" /></div>
    ${log.error && html`<${ProblemLine} error=${log.error} />`}
    <pre ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-label="Raw log" aria-live="off">
      ${log.text || (log.complete ? "It wrote nothing." : "")}</pre>
  </div>`;
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
