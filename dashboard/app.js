/** Builds the page's parts, once, and shows the view that the address asks for. */
import { listenToKeys } from "./browser/keys.js";
import { createNotifier } from "./browser/notifications.js";
import { createPresses } from "./browser/presses.js";
import { App, html, render } from "./browser/ui.js";
import { createActions } from "./model/actions.js";
import { createApi } from "./model/api.js";
import { createKnowledge } from "./model/knowledge.js";
import { createStore } from "./model/store.js";
import { createTicker } from "./parts/time.js";
import { Shell } from "./views/shell.js";

const SKEW_THAT_MATTERS_MS = 2000;

function build() {
  let skew = 0;
  const now = () => Date.now() + skew;
  const store = createStore({
    link: { state: "connecting" },
    sessions: new Map(),
    launchers: null,
    agents: null,
    waiting: null,
    asked: null,
    toasts: [],
    help: false,
    palette: null,
    notify: false,
    unauthorized: false,
    databaseTrouble: null,
  });
  const api = createApi({
    onUnauthorized: () => store.set({ unauthorized: true }),
    onDatabase: (databaseTrouble) => store.set({ databaseTrouble }),
    // Ages are counted by the runtime's clock: a laptop's may be minutes off.
    onAnswer(serverTime) {
      const found = serverTime === null ? 0 : serverTime + 500 - Date.now();
      skew = Math.abs(found) > SKEW_THAT_MATTERS_MS ? found : 0;
    },
  });
  const notifier = createNotifier({ store });
  const knowledge = createKnowledge({ api, store, now, notifier });
  const actions = createActions({ api, store, knowledge });
  return { api, store, knowledge, actions, notifier, now, ticker: createTicker(), presses: createPresses(), memory: new Map() };
}

const parts = build();
render(html`<${App.Provider} value=${parts}><${Shell} /><//>`, document.getElementById("app"));
addEventListener("hashchange", ({ oldURL }) => oldURL && parts.memory.set("came from", oldURL));
const setPalette = (palette) => parts.store.set({ palette });
listenToKeys({
  showHelp: () => parts.store.set({ help: true }),
  showPalette: () => setPalette(""),
  // What is written while the palette still comes is what is looked for.
  isPaletteComing: () => parts.store.get().palette !== null && !document.querySelector(".palette"),
  writeAhead: (key) => setPalette(parts.store.get().palette + key),
});
document.querySelector("[data-skip]").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
parts.knowledge.start({ keepWhileHidden: parts.notifier.wanted });
for (const read of ["readLaunchers", "readQueue", "readQuestions", "readAgents"]) parts.knowledge[read]().catch(() => {});
