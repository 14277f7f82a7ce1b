/** The keyboard: one place knows which key does what, and the help page is drawn from it. */
import { link, go } from "./router.js";

/** Each key with what it does, as the help page says it. */
export const KEYS = [
  ["Ctrl k", "Go to anything"],
  ["/", "Search"],
  ["n", "New session"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["y", "Allow what an agent asks for"],
  ["n", "Deny it (where nothing is asked: new session)"],
  ["a", "Answer in words, a choice or a form"],
  ["g s", "Sessions"],
  ["g i", "Questions, the inbox"],
  ["g q", "Queue"],
  ["g l", "Launchers"],
  ["g a", "Agents"],
  ["g o", "Overview"],
  ["c", "Write to the session"],
  ["e", "Last event of the session"],
  ["?", "This page"],
  ["Esc", "Close, or leave a field"],
];

const PLACES = { s: "sessions", i: "questions", q: "queue", l: "launchers", a: "agents", o: "overview" };

const ANSWERS = new Set(["y", "n", "a"]);

/** Listens to the keyboard for the whole page. */
export function listenToKeys({ showHelp, showPalette, isPaletteComing, writeAhead }) {
  let prefix = false;

  function pressed(event) {
    // From within fields too; a dialog that is open keeps the page.
    if ((event.ctrlKey || event.metaKey) && event.key === "k" && !event.target.closest("dialog")) return done(event, showPalette);
    if (isPaletteComing()) return done(event, () => event.key.length === 1 && writeAhead(event.key));
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const { key } = event;
    if (prefix) {
      prefix = false;
      if (PLACES[key]) return done(event, () => go(link(PLACES[key])));
    }
    if (key === "g") prefix = true;
    else if (key === "/") done(event, () => document.querySelector("[data-search]")?.focus());
    else if (ANSWERS.has(key) && isAsked()) done(event, () => event.repeat || answer(key));
    else if (key === "n") done(event, () => go(link("new")));
    else if (key === "?") done(event, showHelp);
    else if (key === "c") done(event, () => document.querySelector("[data-composer]")?.focus());
    else if (key === "e") done(event, () => document.querySelector("[data-to-end]")?.click());
    else if (key === "x") done(event, () => document.activeElement.closest("[data-session]")?.querySelector(".pick")?.click());
    else if (key === "j" || key === "k") done(event, () => step(key === "j" ? 1 : -1));
  }

  document.addEventListener("keydown", pressed);
}

function done(event, act) {
  event.preventDefault();
  act();
}

const openQuestions = () => [...document.querySelectorAll("#main [data-question][data-status='open']")];
const isAsked = () => openQuestions().length > 0;

/**
 * Answers the question that has the focus. Else the first that is open gets it, to be read: a press that meant something
 * else, or another question that has just gone, answers nothing.
 */
function answer(key) {
  const asked = openQuestions();
  const one = document.activeElement.closest("[data-question]");
  if (!asked.includes(one)) {
    asked[0].focus();
    return asked[0].scrollIntoView({ block: "nearest" });
  }
  const control = one.querySelector(`[data-answer="${key}"]`);
  return control?.matches("button:not([data-focus])") ? control.click() : control?.focus();
}

/** Moves the focus to the next or previous row of the page's list. */
function step(by) {
  const rows = [...document.querySelectorAll("#main [data-row]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
