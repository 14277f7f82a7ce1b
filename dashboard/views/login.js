/** What a browser sees that has not been let in yet. */
import { html } from "../browser/ui.js";
import { AO } from "../model/programs.js";
import { Command } from "../parts/controls.js";

/** Says how to get in. */
export function Login() {
  return html`<main class="main" id="main" tabindex="-1"><div class="empty">
    <img src="icon.svg" alt="" width="40" height="40" />
    <h1>This browser is not let in yet</h1>
    <p>Whoever may use this page can run programs on your machines, so the runtime wants to know that it is you. Ask it
      for a link, on the machine where it runs:</p>
    <${Command} text=${`${AO} login`} />
    <p class="faint">Open the link in this browser. It works once, and then this browser stays let in.</p>
    <button class="button" onClick=${() => location.reload()}>I have opened it: try again</button>
  </div></main>`;
}
