/** Two lines over time: the middle and the slow end. */
import { html } from "../browser/ui.js";
import { Axes, ticks, timeTicks, useWidth } from "./scale.js";

const HEIGHT = 170;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;

/**
 * Draws lines; a stretch without a value interrupts them.
 * @param {{at: number, low: number, high: number}[]} props.points
 */
export function Lines({ points, since, until, step, label, say }) {
  const [box, width] = useWidth();
  const values = ticks(points.reduce((most, point) => Math.max(most, point.high), 0));
  const x = (at) => LEFT + ((at - since) / (until - since)) * (width - LEFT);
  const y = (value) => HEIGHT - BOTTOM - (value / values.at(-1)) * (HEIGHT - BOTTOM - TOP);
  const middle = (point) => x(point.at + step / 2);
  const path = (runs, pick) => runs.map((run) => `M${run.map((point) => `${middle(point)} ${y(point[pick])}`).join("L")}`).join("");
  const runs = together(points, step);
  return html`<div ref=${box} class="chart"><svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
    <${Axes} width=${width} height=${HEIGHT} left=${LEFT} bottom=${BOTTOM} values=${values} y=${y}
      times=${timeTicks(since, until, width)} x=${x} say=${say} />
    <path class="line high" d=${path(runs, "high")} /><path class="line" d=${path(runs, "low")} />
    ${points.map((point) => html`<g key=${point.at} class="dot"><title>${point.title}</title>
        <circle cx=${middle(point)} cy=${y(point.high)} r="2.500" class="high" />
        <circle cx=${middle(point)} cy=${y(point.low)} r="2.500" /></g>`)}
  </svg></div>`;
}

function together(points, step) {
  const runs = [];
  for (const point of points) {
    const last = runs.at(-1)?.at(-1);
    if (last && point.at - last.at < step * 1.5) runs.at(-1).push(point);
    else runs.push([point]);
  }
  return runs;
}
