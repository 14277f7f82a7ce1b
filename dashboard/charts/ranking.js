/** A few things and how much there is of each, the most first; each line leads to what it counts. */
import { html } from "../browser/ui.js";

/**
 * Props: `label`; `rows`, each `{key, text, value, said, href, tone}`, where `said` is the value in words and `of` (if
 * there) the value that a full bar stands for; `nothing`, what is said when there are none.
 */
export function Ranking({ label, rows, nothing }) {
  if (!rows.length) return html`<p class="soft">${nothing}</p>`;
  const most = Math.max(...rows.map((row) => row.of ?? row.value), Number.MIN_VALUE);
  return html`<ul class="ranking" aria-label=${label}>
    ${rows.map((row) => html`<li key=${row.key}><a href=${row.href} title=${`${row.text}: ${row.said}`}>
      <span class="cut">${row.text}</span><span class="num">${row.said}</span>
      <svg class="meter" width="100%" height="4" aria-hidden="true"><rect class="rest" width="100%" height="4" rx="2" />
        <rect class="bar" data-tone=${row.tone} width=${`${(100 * row.value) / (row.of ?? most)}%`} height="4" rx="2" /></svg></a></li>`)}
  </ul>`;
}
