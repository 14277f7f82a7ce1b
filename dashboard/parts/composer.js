/** Writing to a session: a draft that survives, a queue while it is busy, an answer when it asks. */
import { useKept } from "../browser/drafts.js";
import { html, useApp, useEffect, useLayoutEffect, useRef, useState } from "../browser/ui.js";
import { newKey } from "../model/actions.js";
import { sentence } from "../model/api.js";
import { orderWords, readNews } from "../model/news.js";
import { LAUNCHER } from "../model/programs.js";
import { hasQuestion, waitWords } from "../model/reasons.js";
import { Act, Command } from "./controls.js";
import { Icon } from "./icons.js";

const HEIGHT_MAX = 260;

/** The field below a conversation, with the messages that wait above it. */
export function Composer({ session, jobs }) {
  const { actions } = useApp();
  const [draft, setDraft] = useKept(`draft ${session.session_name}`, "");
  const [interrupt, setInterrupt] = useState(false);
  const [sending, order] = useSending(jobs);
  const [wrong, setWrong] = useState("");
  const [editing, setEditing] = useState(null);
  const field = useRef(null);
  const busy = ["pending", "running", "lost"].includes(session.status) || hasQuestion(session);
  const asks = session.status === "waiting_input" && !busy;
  useGrowing(field, draft);
  const place = useKeepingToastsAbove();

  const fail = (error) => setWrong(sentence(error));
  const send = async () => {
    const prompt = draft.trim();
    if (!prompt) return field.current.focus();
    if (editing) return change(prompt);
    setDraft("");
    setWrong("");
    const if_busy = busy && interrupt ? "interrupt" : "enqueue";
    try {
      await order({ type: "resume_session", session_name: session.session_name, prompt, if_busy });
    } catch (error) {
      setDraft(prompt);
      fail(error);
    }
  };
  const edit = (job, text) => {
    setEditing(job);
    setDraft(text);
    field.current?.focus();
  };
  const leaveEditing = () => {
    setEditing(null);
    setDraft("");
    setWrong("");
  };
  const change = async (prompt) => {
    await actions.editJob(editing, prompt).then(leaveEditing, fail);
    jobs.again();
  };
  const onKey = keysOf({ send, leave: editing ? leaveEditing : () => field.current.blur() });

  const waiting = (jobs.value ?? []).filter((job) => job.status === "pending").reverse();
  return html`<section class="composer" ref=${place} aria-label="Write to the session">
    <${Waiting} jobs=${waiting} sending=${sending} editing=${editing} onEdit=${edit} again=${jobs.again} />
    ${asks && html`<p class="asks">The agent waits for your answer.</p>`}
    <div class="composer-box">
      <textarea ref=${field} data-composer rows="1" value=${draft} aria-label=${asks ? "Your answer" : "Message"}
        placeholder=${asks ? "Answer…" : busy ? "Write what comes next…" : "Go on with the conversation…"}
        onInput=${(event) => setDraft(event.target.value)} onKeyDown=${onKey}></textarea>
      ${editing && html`<button class="button plain" onClick=${leaveEditing}>Cancel</button>`}
      ${busy && !editing && html`<${Interrupt} checked=${interrupt} onChange=${setInterrupt} />`}
      <button class="button primary" disabled=${!draft.trim()} onClick=${send}><${Icon} name="send" size=${14} />
        ${editing ? "Save" : busy && !interrupt ? "Queue" : asks ? "Answer" : "Send"}</button>
    </div>
    <${Hint} wrong=${wrong} interrupts=${busy && interrupt} />
  </section>`;
}

const keysOf = ({ send, leave }) => (event) => {
  if (event.key === "Escape") leave();
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
};

function Interrupt({ checked, onChange }) {
  return html`<label class="interrupt">
    <input type="checkbox" checked=${checked} onChange=${(event) => onChange(event.target.checked)} />Interrupt</label>`;
}

function Hint({ wrong, interrupts }) {
  if (wrong) return html`<p class="hint wrong" role="alert">${wrong}</p>`;
  return html`<p class="hint"><kbd>Enter</kbd> sends, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a line
    ${interrupts ? "; what runs now is stopped first" : ""}</p>`;
}

/** Messages on their way, which are not among the jobs yet, and what sends one more. */
function useSending(jobs) {
  const { actions } = useApp();
  const [sending, setSending] = useState([]);
  useEffect(
    () => setSending((before) => before.filter((one) => !jobs.value?.some((job) => job.job_id === one.jobId))),
    [jobs.value],
  );
  const order = async (wanted) => {
    const key = newKey();
    setSending((before) => [...before, { key, prompt: wanted.prompt }]);
    try {
      const made = await actions.createJob(wanted, key);
      setSending((before) => before.map((one) => (one.key === key ? { ...one, jobId: made.job_id } : one)));
      jobs.again();
    } catch (error) {
      setSending((before) => before.filter((one) => one.key !== key));
      throw error;
    }
  };
  return [sending, order];
}

function useGrowing(field, text) {
  useLayoutEffect(() => {
    field.current.style.height = "auto";
    field.current.style.height = `${Math.min(HEIGHT_MAX, field.current.scrollHeight)}px`;
  }, [text]);
}

/** Short sentences at the page's edge stand above the field, however high it is. */
function useKeepingToastsAbove() {
  const place = useRef(null);
  useLayoutEffect(() => {
    const root = document.documentElement.style;
    const watcher = new ResizeObserver(() => root.setProperty("--below-toasts", `${place.current?.offsetHeight ?? 0}px`));
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      root.removeProperty("--below-toasts");
    };
  }, []);
  return place;
}

function Waiting({ jobs, sending, editing, onEdit, again }) {
  const onTheWay = sending.filter((one) => !jobs.some((job) => job.job_id === one.jobId));
  if (!jobs.length && !onTheWay.length) return null;
  const lonely = jobs.find((job) => job.reason === "no_launcher");
  return html`<div class="waiting">
    <ul aria-label="Messages that wait">
      ${jobs.map((job) => html`<${WaitingJob} key=${job.job_id} job=${job} editing=${editing?.job_id === job.job_id}
          onEdit=${onEdit} again=${again} />`)}
      ${onTheWay.map((one) => html`<li key=${one.key} class="on-the-way"><span class="cut grow">${one.prompt}</span>
          <span class="faint">${one.jobId ? "accepted" : "sending…"}</span></li>`)}
    </ul>
    ${lonely && html`<div class="row wrap"><span class="soft">Start a launcher on the machine where the project is:</span>
      <${Command} text=${`${LAUNCHER} --runtime-url ${location.origin}`} /></div>`}
  </div>`;
}

/** A message that waits for its turn can still be changed or taken back. */
function WaitingJob({ job, editing, onEdit, again }) {
  const { api, actions } = useApp();
  const text = job.prompt ?? job.prompt_preview ?? "";
  const isNews = readNews(text) !== null;
  const withdraw = async () => {
    await actions.withdrawJob(job);
    again();
  };
  const edit = async () => {
    const whole = await actions.attempt(() => api.get(api.job(job.job_id)));
    if (whole) onEdit(job, whole.prompt);
  };
  return html`<li data-job=${job.job_id} class=${editing ? "edited" : ""}>
    <span class="cut grow" title=${isNews ? "" : text}>${isNews ? orderWords(text) : text}</span>
    <span class="faint reason" title=${job.reason_detail ?? ""}>${waitWords(job.reason)}</span>
    ${!isNews && html`<button class="button plain icon small" aria-label="Edit the message" title="Edit" onClick=${edit}>
      <${Icon} name="edit" size=${13} /></button>`}
    <${Act} class="button plain icon small" aria-label="Withdraw the message" title="Withdraw" onPress=${withdraw}>
      <${Icon} name="close" size=${13} /><//>
  </li>`;
}
