/** What the command palette offers beside sessions, and the lists that somebody kept. */
import { keep, recall } from "../browser/drafts.js";
import { link, readRoute } from "../browser/router.js";
import { ORDERS } from "./arrange.js";
import { capital } from "./capital.js";

const VIEWS_MAX = 30;
const PLACES = [
  ["sessions", "s"], ["questions", "i"], ["queue", "q"], ["launchers", "l"], ["agents", "a"], ["overview", "o"],
];

/** The places and the lists that everybody has. */
export const entriesOf = () => [
  { key: "new", title: "New session", note: "n", icon: "plus", href: link("new") },
  { key: "needs", title: "What needs me", note: "Sessions", icon: "warn", href: link("sessions", { status: "needs_me" }) },
  { key: "causes", title: "Failures by cause", note: "Sessions", icon: "sessions",
    href: link("sessions", { status: "failed", order: "cause" }) },
  { key: "webhooks", title: "Webhooks", note: "Who outside is told", icon: "send", href: link("webhooks") },
  { key: "cost", title: "Dearest sessions", note: "Sessions", icon: "coin", href: link("sessions", { order: "cost" }) },
  ...PLACES.map(([place, key]) => ({
    key: place, title: capital(place), note: `g ${key}`, icon: place, href: link(place),
  })),
];

/** Whether a text holds each word that was written. */
export const fitsWords = (text, wanted) => wanted.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));

/** A filtered list in words; empty for any other address. */
export function viewWords(hash) {
  const { path, query } = readRoute(hash);
  if (path.length > 1 || (path[0] ?? "sessions") !== "sessions") return "";
  const orders = Object.fromEntries(ORDERS);
  const words = {
    status: (value) => value.replaceAll("_", " "),
    order: (value) => orders[value]?.toLowerCase() ?? value,
    q: (value) => `“${value}”`,
  };
  return [...query].map(([name, value]) => (words[name] ? words[name](value) : `${name} ${value}`)).join(", ");
}

/** The lists that were kept on this machine, newest first: a name and a link each. */
export const keptViews = () => recall("views", []);

/** Keeps a list, or forgets it. */
export function keepView(name, href, isKept) {
  const others = keptViews().filter((view) => view.href !== href);
  keep("views", isKept ? [{ name, href }, ...others].slice(0, VIEWS_MAX) : others);
}
