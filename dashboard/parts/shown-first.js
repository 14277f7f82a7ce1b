/** Something long: its beginning, and all of it when it is asked for. */
import { html, useState } from "../browser/ui.js";
import { exactly } from "./amounts.js";

/** `draw(number)` draws so much of it; `what` says of what `all` is the number. */
export function ShownFirst({ all, first, what, draw }) {
  const [isWhole, setWhole] = useState(all <= first);
  return html`${draw(isWhole ? all : first)}
    ${!isWhole && html`<button type="button" class="button small" onClick=${() => setWhole(true)}>
      Show all ${exactly(all)} ${what}</button>`}`;
}
