/** One line of a patch. */
import { html } from "../browser/ui.js";
import { shown } from "../model/plain-text.js";
import { Copy } from "./controls.js";

/** A screen reader hears the sign, which is no part of the text that is copied. */
export function PatchLine({ line }) {
  if (line.kind === "file") {
    return html`<div class="patch-file" role="listitem"><b>${shown(line.text)}</b><${Copy} text=${line.text} label="Copy path" /></div>`;
  }
  const sign = { added: "+", removed: "-" }[line.kind] ?? "";
  return html`<div class=${`patch-line ${line.kind}`} role="listitem" data-old=${line.old} data-now=${line.now}>
    <span class="sign">${sign}</span>${shown(line.text)}</div>`;
}
