/** What a session changed in its folder: the launcher there is asked, for the whole of it or for one turn. */
import { html, useApp, useCallback, useEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { orderWords } from "../model/news.js";
import { linesOfPatch, sums } from "../model/patch.js";
import { count, exactly } from "../parts/amounts.js";
import { ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { PatchLine } from "../parts/patch-line.js";
import { VirtualList } from "../parts/virtual-list.js";

const COMMIT_SHOWN = 8;
const WORDS_SHOWN = 60;
const NOTHING_TO_TELL = new Set(["no_start_commit", "not_committed"]);

/** The view at `#/sessions/NAME/changes`. */
export function ChangesView({ session, jobs }) {
  const { api } = useApp();
  const [job, setJob] = useState("");
  const [asked, setAsked] = useState(0);
  const [answer, setAnswer] = useState({});
  useEffect(() => {
    const leaving = new AbortController();
    setAnswer({});
    api.ask("GET", api.session(session.session_name, "changes"), { query: job ? { job } : {}, signal: leaving.signal })
      .then((told) => told.json())
      .then((value) => setAnswer({ value }), (error) => leaving.signal.aborted || setAnswer({ error }));
    return () => leaving.abort();
  }, [session.session_id, job, asked]);
  const { value, error } = answer;
  return html`<div class="changes">
    <div class="changes-head">
      <${Turns} jobs=${jobs.filter((one) => one.started_at)} chosen=${job} onChoose=${setJob} />
      ${value && html`<${Sums} changes=${value} />`}<span class="grow"></span>
      <button type="button" class="button small" onClick=${() => setAsked(asked + 1)}><${Icon} name="retry" size=${13} />Look again</button>
    </div>
    ${error && html`<div class="page">${NOTHING_TO_TELL.has(error.code) ? html`<p class="soft" role="status">${sentence(error)}</p>`
      : html`<${ProblemLine} error=${error} />`}</div>`}
    ${!value && !error && html`<p class="page soft" role="status">Its launcher is asked…</p>`}
    ${value && html`<${Found} key=${value.patch.length} changes=${value} />`}
  </div>`;
}

/** Which part of it: since the session began, or one turn. */
function Turns({ jobs, chosen, onChoose }) {
  const words = (job, place) => `Turn ${jobs.length - place}: ${orderWords(job.prompt_preview).slice(0, WORDS_SHOWN)}`;
  return html`<select class="select" aria-label="Changes of" value=${chosen} onChange=${(event) => onChoose(event.target.value)}>
    <option value="">Since it began</option>
    ${jobs.length > 1 && jobs.map((job, place) => html`<option key=${job.job_id} value=${job.job_id}>${words(job, place)}</option>`)}
  </select>`;
}

function Sums({ changes }) {
  const { added, removed } = sums(changes.files);
  const files = changes.files.length + changes.files_left_out;
  const until = changes.until_commit ? changes.until_commit.slice(0, COMMIT_SHOWN) : "the folder now";
  return html`<span class="num">${exactly(files)} ${files === 1 ? "file" : "files"}</span>
    <span class="num plus">+${count(added)}</span><span class="num minus">−${count(removed)}</span>
    <span class="faint cut" title=${`${changes.repository}, ${changes.since_commit}`}>
      ${changes.since_commit.slice(0, COMMIT_SHOWN)} → ${until}</span>`;
}

function Found({ changes }) {
  const lines = useMemo(() => linesOfPatch(changes.patch), [changes.patch]);
  const list = useRef(null);
  const draw = useCallback((line) => html`<${PatchLine} line=${line} />`, []);
  if (!changes.files.length) return html`<p class="page soft">Nothing differs from where it started.</p>`;
  const goTo = (path) => {
    const index = lines.findIndex((line) => line.kind === "file" && line.text === path);
    if (index >= 0) list.current.toIndex(index);
  };
  const after = changes.is_cut ? html`<p class="page soft">There is more: only the first differences are shown.</p>` : null;
  return html`<div class="changes-body">
    <ul class="changed-files" aria-label="Files">
      ${changes.files.map((file) => html`<${File} key=${file.path} file=${file} goTo=${goTo} />`)}
      ${changes.files_left_out > 0 && html`<li class="faint">and ${exactly(changes.files_left_out)} more</li>`}</ul>
    <${VirtualList} handle=${list} items=${lines} keyOf=${keyOf} draw=${draw} guess=${19} label="Differences" role="list"
      className="patch log-lines" after=${after} /></div>`;
}

const keyOf = (line) => line.key;

function File({ file, goTo }) {
  const place = file.path.lastIndexOf("/") + 1;
  const amounts = file.added === null ? html`<span class="faint">binary</span>`
    : html`<span class="num plus">+${count(file.added)}</span><span class="num minus">−${count(file.removed)}</span>`;
  return html`<li><button type="button" class="file-line" onClick=${() => goTo(file.path)} title=${file.path}>
    <span class="cut grow"><span class="faint">${file.path.slice(0, place)}</span>${file.path.slice(place)}</span>
    ${file.is_untracked && html`<span class="chip">new</span>`}${amounts}</button></li>`;
}
