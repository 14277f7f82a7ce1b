/** Stacked columns: how many of what in each stretch. */
import { html } from "../browser/ui.js";
import { Axes, fits, ticks, useWidth } from "./scale.js";

const HEIGHT = 170;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;

/**
 * Draws columns.
 * @param {object} props
 * @param {{key: string, from: number, to: number, title: string, parts: {tone: string, value: number}[]}[]} props.columns
 *     `from` and `to` are between 0 and 1
 * @param {{at: number, text: string}[]} [props.words]  words below the axis, `at` between 0 and 1
 */
export function Columns({ columns, label, say = String, words = [] }) {
  const [box, width] = useWidth();
  const most = columns.reduce((top, column) => Math.max(top, column.parts.reduce((sum, part) => sum + part.value, 0)), 0);
  const values = ticks(most);
  const x = (share) => LEFT + share * (width - LEFT);
  const y = (value) => HEIGHT - BOTTOM - (value / values.at(-1)) * (HEIGHT - BOTTOM - TOP);
  return html`<div ref=${box} class="chart"><svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
    <${Axes} width=${width} height=${HEIGHT} left=${LEFT} bottom=${BOTTOM} values=${values} y=${y} times=${[]} x=${x} say=${say} />
    ${words.filter((word) => fits(x(word.at), width))
      .map((word) => html`<text key=${word.at} class="word" x=${x(word.at)} y=${HEIGHT - BOTTOM + 16}
          text-anchor="middle">${word.text}</text>`)}
    ${columns.map((column) => html`<g key=${column.key}><title>${column.title}</title>${stack(column, x, y)}</g>`)}
  </svg></div>`;
}

function stack({ from, to, parts }, x, y) {
  let below = 0;
  const wide = Math.max(1, x(to) - x(from) - 1.5);
  return parts.filter((part) => part.value > 0).map((part) => {
    const top = y(below + part.value);
    const high = y(below) - top;
    below += part.value;
    return html`<rect key=${part.tone} class="bar" data-tone=${part.tone} x=${x(from)} y=${top} width=${wide}
      height=${Math.max(1, high - 0.5)} rx=${Math.min(2, wide / 3)} />`;
  });
}
