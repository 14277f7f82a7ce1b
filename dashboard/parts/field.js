/** A field of a form with its label, and below it a hint or what is wrong, in a place that is always there. */
import { html, useId } from "../browser/ui.js";

/** Its child is a function that is given the properties for the control. */
export function Field({ label, hint = "", problem = "", children }) {
  const id = useId();
  const props = { id, "aria-describedby": `${id}-hint`, "aria-invalid": problem ? "true" : undefined };
  return html`<div class="field"><label for=${id}>${label}</label>${children(props)}
    <div class=${`hint${problem ? " wrong" : ""}`} id=${`${id}-hint`}>${problem || hint}</div></div>`;
}
