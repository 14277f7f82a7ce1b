/** The command palette: places, kept lists, sessions and what can be done, found by a few letters. */
import { go, link } from "../browser/router.js";
import { html, useApp, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../browser/ui.js";
import { onceSoon } from "../model/soon.js";
import { entriesOf, fitsWords, keepView, keptViews, viewWords } from "../model/palette.js";
import { useStore } from "../model/store.js";
import { Dialog } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { Drawing, look } from "../parts/status.js";
import { shownStatus } from "../model/causes.js";

const FOUND_MAX = 12;
const SEARCH_MS = 60;

/** The dialog that `Ctrl+K` opens. */
export function Palette() {
  const { store } = useApp();
  const [text, setText] = useState(() => store.get().palette);
  const [chosen, setChosen] = useState(0);
  const sessions = useFound(text);
  const entries = useMemo(() => entriesFor(text, sessions), [text, sessions]);
  const close = () => store.set({ palette: null });
  const act = (entry) => {
    close();
    if (entry?.href) go(entry.href);
    entry?.act?.();
  };
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") act(entries[chosen]);
    else if (step && entries.length) setChosen((chosen + step + entries.length) % entries.length);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} title="Go to, or do" onClose=${close}>
    <div class="palette"><input class="input" role="combobox" aria-label="Go to, or do" aria-expanded="true" aria-controls="palette-list"
      aria-activedescendant=${entries.length ? `palette-${chosen}` : undefined} value=${text} autocomplete="off" spellcheck=${false}
      placeholder="A session, a place, a word of a prompt or of an error" ref=${useFocus()} onKeyDown=${onKey}
      onInput=${(event) => (setText(event.target.value), setChosen(0))} />
      <${Entries} entries=${entries} chosen=${Math.min(chosen, entries.length - 1)} onPick=${act} /></div>
  <//>`;
}

function useFocus() {
  const field = useRef(null);
  useLayoutEffect(() => field.current.focus(), []);
  return field;
}

function Entries({ entries, chosen, onPick }) {
  const list = useRef(null);
  useEffect(() => list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }), [chosen]);
  return html`<div ref=${list} role="listbox" id="palette-list" aria-label="What fits">${entries.map(
    ({ key, title, note, icon, session }, place) => html`<div key=${key} role="option" id=${`palette-${place}`} data-entry=${title}
      aria-selected=${place === chosen} onClick=${() => onPick(entries[place])}>
      ${session ? html`<span class="status" data-tone=${look(shownStatus(session))[1]}>
        <${Drawing} name=${look(shownStatus(session))[2]} /></span>` : html`<${Icon} name=${icon} size=${14} />`}
      <b class="cut">${title}</b><span class="cut soft">${note}</span></div>`,
  )}${!entries.length && html`<div role="option" aria-selected="false" aria-disabled="true" class="soft">Nothing fits.</div>`}</div>`;
}

function entriesFor(text, sessions) {
  const here = location.hash;
  const words = viewWords(here);
  const kept = keptViews();
  const isKept = kept.some((view) => view.href === here);
  const keeping = words && { key: "keep", icon: isKept ? "trash" : "plus", note: "",
    title: `${isKept ? "Forget" : "Keep"} this view: ${words}`, act: () => keepView(words, here, !isKept) };
  const views = kept.map(({ name, href }) => ({ key: href, href, title: name, note: "Kept view", icon: "sessions" }));
  const plain = [...views, ...entriesOf(), keeping];
  const fitting = plain.filter((entry) => entry && fitsWords(`${entry.title} ${entry.note}`, text));
  const found = sessions.map((session) => ({ key: session.session_id, title: session.session_name, session,
    note: session.reason_detail || session.last_words || session.agent_name, href: link("sessions", session.session_name) }));
  return text ? [...found.slice(0, FOUND_MAX), ...fitting] : [...fitting, ...found.slice(0, FOUND_MAX)];
}

/** The sessions that hold the words: those that are known at once, those that the runtime finds a moment later. */
function useFound(text) {
  const { api, knowledge } = useApp();
  const known = useStore((state) => state.sessions);
  const [found, setFound] = useState({ text: "", ids: new Set() });
  useEffect(() => {
    if (!text) return undefined;
    const leaving = new AbortController();
    const read = onceSoon(async () => {
      const learnAnswer = knowledge.asking();
      const answer = await api.get("sessions", { q: text, limit: FOUND_MAX }, { signal: leaving.signal }).catch(() => null);
      if (!answer || leaving.signal.aborted) return;
      learnAnswer(answer.sessions);
      setFound({ text, ids: new Set(answer.sessions.map((session) => session.session_id)) });
    }, SEARCH_MS);
    read();
    return () => (read.end(), leaving.abort());
  }, [text]);
  return useMemo(() => {
    const fits = (one) => fitsWords(one.session_name, text) || (found.text === text && found.ids.has(one.session_id));
    return [...known.values()].filter(fits).sort((a, b) => (a.session_id < b.session_id ? 1 : -1));
  }, [known, text, found]);
}
