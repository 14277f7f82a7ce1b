/** The switch for notifications of the browser, which asks for leave when it is pressed and not before. */
import { html, useApp } from "../browser/ui.js";
import { useStore } from "../model/store.js";
import { Icon } from "./icons.js";

/** With `children` it is a button in words, for where there is room. */
export function Bell({ class: className = "button plain icon", children }) {
  const { notifier, actions } = useApp();
  const isOn = useStore((state) => state.notify);
  if (!notifier.possible) return null;
  const ring = async () => actions.say(await notifier.toggle());
  return html`<button type="button" class=${className} aria-label="Notifications" aria-pressed=${isOn}
    title=${isOn ? "Notifications are on" : "Notify me when a session asks, ends or is lost"} onClick=${ring}>
    <${Icon} name="bell" />${children}</button>`;
}
