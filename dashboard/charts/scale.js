/** Axes: from values to places, and the round numbers that are written beside them. */
import { html, useEffect, useRef, useState } from "../browser/ui.js";
import { clock } from "../parts/time.js";

/** The width of the box that a chart is drawn in, followed as it changes. */
export function useWidth(fallback = 640) {
  const box = useRef(null);
  const [width, setWidth] = useState(fallback);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.floor(entry.contentRect.width))));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return [box, width];
}

/** Round values from 0 to at least `most`, at most `steps` of them. */
export function ticks(most, steps = 3) {
  if (most <= 0) return [0, 1];
  const rough = most / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const values = [];
  for (let value = 0; value < most + step * 0.999; value += step) values.push(Number(value.toPrecision(6)));
  return values;
}

/** Times at which a line is drawn across the chart. */
export function timeTicks(since, until, width) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].find((step) => ((until - since) / (step * 60_000)) * 70 < width) ?? 720;
  const step = minutes * 60_000;
  const times = [];
  for (let at = Math.ceil(since / step) * step; at < until; at += step) times.push(at);
  return times;
}

const HALF_A_WORD = 17;

/** Whether a word below the axis fits there; one that stands at the edge would be cut. */
export const fits = (x, width) => x <= width - HALF_A_WORD;

/** The lines and words of both axes. */
export function Axes({ width, height, left, bottom, values, y, times, x, say = String }) {
  return html`<g class="axes" aria-hidden="true">
    ${values.map((value) => html`<g key=${value}><path d=${`M${left} ${y(value)}H${width}`} />
        <text x=${left - 8} y=${y(value) + 4} text-anchor="end">${say(value)}</text></g>`)}
    ${times.filter((at) => fits(x(at), width))
      .map((at) => html`<text key=${at} x=${x(at)} y=${height - bottom + 16} text-anchor="middle">${clock(at)}</text>`)}
  </g>`;
}
