/** Browser notifications: only after the person has asked for them, only while the page is not looked at. */
import { keep, recall } from "./drafts.js";
import { link } from "./router.js";

const WORDS = {
  waiting_input: "needs input",
  finished: "has finished",
  failed: "has failed",
  lost: "is lost: nobody proves that it lives",
};

/** Makes the notifier; `wanted()` is true where the person asked for news. */
export function createNotifier({ store }) {
  const possible = "Notification" in globalThis;
  const wanted = () => possible && Notification.permission === "granted" && recall("notify", false);
  store.set({ notify: wanted() });

  return {
    possible,
    wanted,
    /** Switches them on (the browser asks) or off. */
    async toggle() {
      const on = !wanted() && (await Notification.requestPermission()) === "granted";
      keep("notify", on || null);
      store.set({ notify: on });
      return on;
    },
    notify(session) {
      if (!wanted() || !document.hidden || !WORDS[session.status]) return;
      const news = new Notification(`${session.session_name} ${WORDS[session.status]}`,
        { body: session.agent_name, tag: session.session_id });
      news.onclick = () => {
        window.focus();
        location.hash = link("sessions", session.session_name);
        news.close();
      };
    },
  };
}
