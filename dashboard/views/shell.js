/** The frame: where one can go, whether what is shown is live, and the view itself. */
import { KEYS } from "../browser/keys.js";
import { link, useRoute } from "../browser/router.js";
import { Component, html, useApp, useEffect, useState } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { useStore } from "../model/store.js";
import { exactly } from "../parts/amounts.js";
import { Bell } from "../parts/bell.js";
import { Dialog } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { shortSpan, useEverySecond } from "../parts/time.js";
import { Unread } from "../parts/unread.js";
import { Login } from "./login.js";
import { SessionsView } from "./sessions.js";

const PLACES = [
  ["sessions", "Sessions"],
  ["questions", "Questions"],
  ["queue", "Queue"],
  ["launchers", "Launchers"],
  ["agents", "Agents"],
  ["overview", "Overview"],
];

// Fetched when they are first wanted: the first view stays small.
const VIEWS = {
  session: () => together("session.css job.css question.css", import("./session.js"), "SessionView"),
  questions: () => together("session.css job.css question.css", import("./questions.js"), "QuestionsView"),
  queue: () => together("places.css", import("./queue.js"), "QueueView"),
  launchers: () => together("places.css", import("./launchers.js"), "LaunchersView"),
  agents: () => together("places.css", import("./agents.js"), "AgentsView"),
  webhooks: () => together("places.css", import("./webhooks.js"), "WebhooksView"),
  overview: () => together("charts.css", import("./overview.js"), "OverviewView"),
  new: () => together("places.css", import("./new-session.js"), "NewSession"),
  palette: () => together("palette.css", import("./palette.js"), "Palette"),
};

const NAMES = { ...Object.fromEntries(PLACES), session: "This session", webhooks: "Webhooks", new: "The form", palette: "The palette" };
const LAUNCHER_STATES = ["alive", "lost", "draining"];
const FETCH_AGAIN_MS = 1500;

/** A view is shown when its style sheets are there too, so that nothing jumps. */
async function together(sheets, module, name) {
  const [found] = await Promise.all([module, ...sheets.split(" ").map((sheet) => styleSheet(`styles/${sheet}`))]);
  return found[name];
}

function styleSheet(href) {
  if (document.querySelector(`link[href="${href}"]`)) return undefined;
  return new Promise((done, fail) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href, onload: done });
    sheet.onerror = () => {
      sheet.remove();
      fail(new TypeError(`cannot read ${href}`));
    };
    document.head.append(sheet);
  });
}

/** The whole page. */
export function Shell() {
  const route = useRoute();
  const unauthorized = useStore((state) => state.unauthorized || state.link.state === "unauthorized");
  const palette = useStore((state) => state.palette);
  const [place = "sessions", name] = route.path;
  useEffect(() => document.getElementById("main")?.focus({ preventScroll: true }), [place, name]);
  if (unauthorized) return html`<${Login} />`;
  const here = place === "new" ? "sessions" : place;
  return html`<div class="shell">
    <${Title} key=${`${here}/${name ?? ""}`} session=${here === "sessions" ? name : null} /><${Nav} here=${here} />
    <main class="main" id="main" tabindex="-1">
      <${LinkBanner} /><${DatabaseBanner} />
      <${Safe} key=${`${here}/${name ?? ""}`}>
        ${here === "sessions" && !name ? html`<${SessionsView} query=${route.query} />`
          : html`<${Later} view=${here === "sessions" ? "session" : here} route=${route} />`}
      <//>
    </main>
    ${place === "new" && html`<${Later} view="new" route=${route} />`}
    ${palette !== null && html`<${Later} view="palette" route=${route} />`}
    <${Help} /><${Toasts} />
  </div>`;
}

/** A view that comes from the runtime when it is first opened; while the runtime is away, it is asked for again. */
function Later({ view, route }) {
  const load = VIEWS[view];
  const [View, setView] = useState(null);
  const [error, setError] = useState(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (!load) return undefined;
    let timer = 0;
    const failed = (problem) => {
      setError(problem);
      timer = setTimeout(() => setTries(tries + 1), FETCH_AGAIN_MS);
    };
    load().then((found) => setView(() => found), failed);
    return () => clearTimeout(timer);
  }, [view, tries]);
  if (!load) return html`<div class="empty"><h1>There is nothing here</h1>
    <a class="button" href=${link("sessions")}>Go to the sessions</a></div>`;
  if (View) return html`<${View} route=${route} />`;
  // What cannot be fetched is a TypeError; anything else is a mistake in the view.
  if (error && !(error instanceof TypeError)) throw error;
  return error && html`<${Unread} what=${NAMES[view]} />`;
}

/** A view that breaks says so, and leaves the rest of the page alive. */
class Safe extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    if (!error) return children;
    return html`<div class="empty"><h1>This view broke</h1><p>${String(error.message ?? error)}</p>
      <button class="button" onClick=${() => location.reload()}>Load the page again</button></div>`;
  }
}

/** The title of the page: how many questions wait for an answer, and which session is looked at. */
function Title({ session }) {
  const asked = useStore((state) => state.asked);
  const name = useStore((state) => state.sessions.get(session)?.session_name ?? session);
  useEffect(() => {
    document.title = `${asked ? `(${asked}) ` : ""}${name ? `${name} · ` : ""}Agent Orchestrator`;
  }, [asked, name]);
  return null;
}

function Nav({ here }) {
  const waiting = useStore((state) => state.waiting);
  const asked = useStore((state) => state.asked);
  const counts = {
    questions: asked ? html`<span class="count open">${exactly(asked)}<span class="hidden-text"> open</span></span>` : null,
    queue: waiting ? html`<span class="count">${exactly(waiting)}</span>` : null,
    launchers: html`<${LauncherCount} />`,
  };
  return html`<nav class="nav" aria-label="Places">
    <a class="brand" href=${link("sessions")}><img src="icon.svg" alt="" />Agent Orchestrator</a>
    <a class="button primary new" href=${link("new")}><${Icon} name="plus" />New session<kbd aria-hidden="true">n</kbd></a>
    ${PLACES.map(
      ([place, title]) => html`<a class="item" key=${place} href=${link(place)} aria-current=${here === place ? "page" : undefined}>
        <${Icon} name=${place} />${title}${counts[place]}</a>`,
    )}
    <div class="foot"><${LinkState} /><${Tools} /></div>
  </nav>`;
}

/** How many launchers are there; and where some are not, what became of them. */
function LauncherCount() {
  const counted = useStore((state) => state.launchers
    && JSON.stringify(LAUNCHER_STATES.map((one) => state.launchers.filter((launcher) => launcher.status === one).length)));
  if (!counted) return null;
  const [alive, ...others] = JSON.parse(counted);
  const apart = LAUNCHER_STATES.slice(1).map((state, place) => [others[place], state]).filter(([number]) => number);
  const words = [`${alive} alive`, ...apart.map((one) => one.join(" "))].join(", ");
  const [aside] = apart.filter(([, state]) => state === "lost" || !alive);
  return html`<span class=${`count${alive ? "" : " warn"}`} title=${words}>
    <span aria-hidden="true">${alive}${aside && html`<span class="aside"> · ${aside.join(" ")}</span>`}</span>
    <span class="hidden-text">${words}</span></span>`;
}

const LINK_WORDS = { connecting: "Connecting…", live: "Live", retrying: "No connection" };

function LinkState() {
  const state = useStore((all) => all.link.state);
  return html`<div class="link-state" data-state=${state} role="status">${LINK_WORDS[state] ?? state}</div>`;
}

function LinkBanner() {
  const since = useStore((state) => (state.link.state === "retrying" ? state.link.since : null));
  const age = useEverySecond(() => (since ? shortSpan((Date.now() - since) / 1000) : ""), [since]);
  if (!since) return null;
  return html`<div class="banner failed" role="alert"><${Icon} name="warn" />
    The runtime does not answer: nothing has been heard of it for ${age}. What you see is what was last known; the page
    goes on by itself.</div>`;
}

function DatabaseBanner() {
  const trouble = useStore((state) => state.databaseTrouble);
  if (!trouble) return null;
  return html`<div class="banner failed" role="alert"><${Icon} name="warn" />
    ${sentence({ message: trouble })}. What runs goes on, and is reported once the database can be used again.</div>`;
}

function Tools() {
  const { store } = useApp();
  const [theme, setTheme] = useState(() => document.documentElement.dataset.theme ?? "");
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const switchTheme = () => {
    const next = dark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
    setTheme(next);
  };
  return html`<div class="tools">
    <button class="button plain icon" aria-label=${dark ? "Light colours" : "Dark colours"}
      title=${dark ? "Light colours" : "Dark colours"} onClick=${switchTheme}><${Icon} name=${dark ? "sun" : "moon"} /></button>
    <${Bell} />
    <button class="button plain icon" aria-label="Keyboard" title="Keyboard (?)"
      onClick=${() => store.set({ help: true })}><${Icon} name="keyboard" /></button>
  </div>`;
}

function Help() {
  const { store } = useApp();
  const shown = useStore((state) => state.help);
  if (!shown) return null;
  const keys = (text) => text.split(" ").map((key) => html`<kbd>${key}</kbd> `);
  return html`<${Dialog} title="Keyboard" narrow onClose=${() => store.set({ help: false })}>
    <div class="body"><dl class="keys">${KEYS.map(([key, does]) => html`<dt>${keys(key)}</dt><dd>${does}</dd>`)}</dl></div>
  <//>`;
}

function Toasts() {
  const { actions } = useApp();
  const toasts = useStore((state) => state.toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(
      (toast) => html`<div class=${`toast${toast.failed ? " failed" : ""}`} key=${toast.id}>
        <span class="grow">${toast.text}</span>
        ${toast.undo && html`<button class="button small" onClick=${() => (actions.hush(toast.id), toast.undo.act())}>
          ${toast.undo.text}</button>`}
        <button class="button plain icon small" aria-label="Dismiss" onClick=${() => actions.hush(toast.id)}>
          <${Icon} name="close" size=${12} /></button>
      </div>`,
    )}
  </div>`;
}
