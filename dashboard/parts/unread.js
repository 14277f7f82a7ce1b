/** What stands in the place of something that was never read: what that is, since when it cannot be read, what to do. */
import { html } from "../browser/ui.js";
import { RUNTIME } from "../model/programs.js";
import { useStore } from "../model/store.js";
import { Command } from "./controls.js";
import { Icon } from "./icons.js";
import { shortSpan, useEverySecond } from "./time.js";

/** Whether the runtime has been silent for longer than a hiccup. */
export const useAway = () => useStore((state) => state.link.state === "retrying");

/** Says that a part of the page cannot be read while the runtime does not answer; whoever shows it reads again. */
export function Unread({ what }) {
  const since = useStore((state) => state.link.since ?? null);
  const age = useEverySecond(() => (since === null ? "" : shortSpan((Date.now() - since) / 1000)), [since]);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${what}><div class="empty" data-unread>
    <${Icon} name="warn" size=${24} /><h1>${what} cannot be read</h1>
    <p>The runtime ${age ? `has not answered for ${age}` : "does not answer"}. As soon as it does, this fills itself.</p>
    <p>Nothing is lost: agents go on, and what they did is told later. If the runtime was stopped, start it again:</p>
    <${Command} text=${RUNTIME} />
  </div></div>`;
}
