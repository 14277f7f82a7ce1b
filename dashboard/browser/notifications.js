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
  const shown = new Map();

  function show(title, { body, tag, href }) {
    if (!wanted() || !document.hidden) return;
    const news = new Notification(title, { body, tag });
    shown.set(tag, news);
    news.onclick = () => {
      window.focus();
      location.hash = href;
      news.close();
    };
  }

  return {
    possible,
    wanted,
    /** Switches them on (the browser asks) or off; says in a sentence why they stay off. */
    async toggle() {
      const isWish = !wanted();
      const isGranted = isWish && (await Notification.requestPermission()) === "granted";
      const on = isGranted && canShow();
      keep("notify", on || null);
      store.set({ notify: on });
      if (on) return "You will hear when a session asks, ends or is lost, while this page is in the background";
      if (!isWish) return "Notifications are off";
      return isGranted ? "This browser shows no notifications of a page"
        : "The browser forbids notifications; its settings for this page can allow them";
    },
    notify(session) {
      if (!WORDS[session.status]) return;
      const href = link("sessions", session.session_name);
      show(`${session.session_name} ${WORDS[session.status]}`, { body: session.agent_name, tag: session.session_id, href });
    },
    /** Tells of a question; that of one that is settled is taken away. */
    hearQuestion({ type, session_name: name, data: { question_id: id, tool } }) {
      if (type === "question.asked") {
        show(`${name} asks`, { body: tool ? `May it use ${tool}?` : "It waits for an answer", tag: id, href: link("questions", id) });
      } else {
        shown.get(id)?.close();
        shown.delete(id);
      }
    },
  };
}

/** Browsers of phones have the word for it, and refuse it to a page. */
function canShow() {
  try {
    new Notification("", { tag: "try", silent: true }).close();
    return true;
  } catch {
    return false;
  }
}
