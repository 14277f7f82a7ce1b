/** Small things to press: copy buttons, commands to copy, filters, empty pages, problems. */
import { html, useApp, useEffect, useLayoutEffect, useRef, useState } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { exactly } from "./amounts.js";
import { Icon } from "./icons.js";

/** A button that acts on something; a slip on the spot where another one has just acted does nothing. */
export function Act({ onPress, class: className = "button", children, ...props }) {
  const { presses } = useApp();
  const press = (event) => presses.isSlip(event) || onPress();
  return html`<button type="button" class=${className} ...${props} onClick=${press}>${children}</button>`;
}

/** Copies a text, also where the clipboard is only open to secure pages. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A button that copies a text and says that it did. */
export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const press = async (event) => {
    event.preventDefault();
    event.stopPropagation();
    setDone(await copyText(text));
  };
  return html`<button type="button" class="button plain icon small copy" aria-label=${done ? "Copied" : label}
    title=${label} onClick=${press}>
    <${Icon} name=${done ? "check" : "copy"} size=${14} />
  </button>`;
}

/** A command for a terminal, with its copy button. */
export function Command({ text }) {
  return html`<div class="command"><code tabindex="0">${text}</code><${Copy} text=${text} label="Copy command" /></div>`;
}

/** What a page shows when there is nothing: what this is, and the next step. */
export function Empty({ icon, title, children }) {
  return html`<div class="empty"><${Icon} name=${icon} size=${24} /><h2>${title}</h2>${children}</div>`;
}

/** Something went wrong: the runtime's own sentence, which says what to do. */
export function ProblemLine({ error, onAgain }) {
  return html`<div class="problem" role="alert">
    <${Icon} name="warn" /><span class="grow">${sentence(error)}</span>
    ${onAgain && html`<button class="button small" onClick=${onAgain}>Try again</button>`}
  </div>`;
}

/** A row of choices of which one holds; each is `[value, text]`, or `[value, text, number]`. */
export function Filters({ label, choices, chosen, onChoose }) {
  return html`<div class="filters" role="group" aria-label=${label}>
    ${choices.map(
      ([value, text, number]) => html`<button key=${value} type="button" aria-pressed=${chosen === value}
        onClick=${() => onChoose(value)}>${text}${number > 0 && html` <span class="num">${exactly(number)}</span>`}</button>`,
    )}
  </div>`;
}

/** A search field; `/` jumps into it from anywhere, Escape leaves it. */
export function Search({ label, value, onInput }) {
  const field = useRef(null);
  const leave = (event) => {
    if (event.key !== "Escape") return;
    onInput("");
    field.current.blur();
  };
  return html`<div class="search" role="search">
    <${Icon} name="search" size=${14} />
    <input class="input" type="search" data-search ref=${field} aria-label=${label} placeholder=${label} value=${value}
      onInput=${(event) => onInput(event.target.value)} onKeyDown=${leave} autocomplete="off" spellcheck=${false} />
    <kbd aria-hidden="true">/</kbd>
  </div>`;
}

/** A modal dialog; it takes the focus, and gives it back when it is closed. */
export function Dialog({ title, narrow, onClose, children }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    dialog.showModal();
    return () => {
      dialog.close(); // as long as it is open, nothing outside of it can have the focus
      before?.focus?.();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const outside = (event) => {
    if (event.target === box.current) onClose();
  };
  return html`<dialog ref=${box} class=${narrow ? "narrow" : ""} aria-label=${title} onCancel=${cancel} onMouseDown=${outside}>
    <header><h2>${title}</h2>
      <button type="button" class="button plain icon small" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    ${children}
  </dialog>`;
}
