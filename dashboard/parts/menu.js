/** What can be done more rarely, in words, behind one button. */
import { html, useLayoutEffect, useRef, useState } from "../browser/ui.js";
import { Icon } from "./icons.js";

/** `choices` are `{text, icon, act, danger}`; empty ones are left out. */
export function Menu({ label, choices }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  // At once: who is quick with the keyboard has chosen before a picture was drawn.
  useLayoutEffect(() => {
    if (!open) return undefined;
    const leave = (event) => box.current?.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", leave);
    box.current.querySelector(".menu button")?.focus();
    return () => document.removeEventListener("pointerdown", leave);
  }, [open]);
  const opener = () => box.current.querySelector("button");
  // What is chosen may open a dialog, which gives the focus back to where it was.
  const choose = (act) => {
    opener().focus();
    setOpen(false);
    act();
  };
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key !== "Escape" && !step) return;
    event.preventDefault();
    const buttons = [...box.current.querySelectorAll(".menu button")];
    if (step) return buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length]?.focus();
    setOpen(false);
    return opener().focus();
  };
  return html`<div class="menu-box" ref=${box} onKeyDown=${open ? onKey : undefined}>
    <button type="button" class="button plain icon" aria-label=${label} title=${label} aria-expanded=${open}
      onClick=${() => setOpen(!open)}><${Icon} name="more" /></button>
    ${open && html`<div class="menu" role="group" aria-label=${label}>${choices.filter(Boolean).map(
      ({ text, icon, act, danger }) => html`<button key=${text} type="button" class=${danger ? "danger" : ""}
        onClick=${() => choose(act)}><${Icon} name=${icon} size=${14} />${text}</button>`,
    )}</div>`}
  </div>`;
}
