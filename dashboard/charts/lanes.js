/** Who ran when: a band for each launcher, a bar for each job, the time it waited in a lighter colour before it. */
import { link } from "../browser/router.js";
import { html } from "../browser/ui.js";
import { look } from "../parts/status.js";
import { clock, span } from "../parts/time.js";
import { fits, timeTicks, useWidth } from "./scale.js";

const LEFT = 132;
const ROW = 11;
const PAD = 10;
const AXIS = 24;
const ROWS_MAX = 14;
const NOBODY = "no launcher yet";

/**
 * Puts bars into rows so that none lies on another; what finds no row within the limit is counted.
 * @param {{from: number, to: number}[]} bars  in the order of their beginning
 */
export function pack(bars, rowsMax = ROWS_MAX) {
  const ends = [];
  const placed = [];
  let left = 0;
  for (const bar of bars) {
    let row = ends.findIndex((end) => end <= bar.from);
    if (row < 0) row = ends.length;
    if (row >= rowsMax) left += 1;
    else {
      ends[row] = bar.to;
      placed.push({ ...bar, row });
    }
  }
  return { placed, rows: Math.max(1, ends.length), left };
}

const SHORTEST_MS = 120_000;

/** Begins where something happened: an hour with a minute of work in it would show nothing. */
function beginning(jobs, since, until) {
  const beginnings = jobs.flatMap((job) => [job.started_at ?? job.created_at, job.created_at]);
  const first = Math.min(until, ...beginnings.map((at) => Date.parse(at)));
  return Math.max(since, Math.min(first - (until - first) * 0.05, until - SHORTEST_MS));
}

/** Draws the bands; `jobs` are `{job_id, session_name, launcher_id, status, created_at, started_at, ended_at}`. */
export function Lanes({ jobs, nameOf, since: earliest, until }) {
  const since = beginning(jobs, earliest, until);
  const [box, width] = useWidth();
  const x = (at) => LEFT + ((Math.max(since, at) - since) / (until - since)) * (width - LEFT);
  const bands = bandsOf(jobs, nameOf, { since, until, slack: ((until - since) / width) * 3 });
  const height = bands.reduce((sum, band) => sum + band.rows * ROW + PAD, 0) + AXIS;
  let top = 0;
  return html`<div ref=${box} class="chart"><svg width=${width} height=${height}
      role="group" aria-label=${`Jobs by launcher, ${jobs.length} jobs`}>
    <g class="axes" aria-hidden="true">${timeTicks(since, until, width).map(
      (at) => html`<g key=${at}><path d=${`M${x(at)} 0V${height - AXIS}`} />
        ${fits(x(at), width) && html`<text x=${x(at)} y=${height - 7} text-anchor="middle">${clock(at)}</text>`}</g>`,
    )}</g>
    ${bands.map((band) => {
      const y = top;
      top += band.rows * ROW + PAD;
      return html`<g key=${band.name}><path class="band-line" d=${`M0 ${top - PAD / 2 + 0.5}H${width}`} />
        <text class="band" x="0" y=${y + ROW + 1}>${band.name.slice(0, 17)}</text>
        ${band.left > 0 && html`<text class="word" x="0" y=${y + 2 * ROW + 4}>and ${band.left} more</text>`}
        ${band.placed.map((bar) => html`<${Bar} key=${bar.job.job_id} bar=${bar} x=${x} y=${y + bar.row * ROW + 3} />`)}</g>`;
    })}
  </svg></div>`;
}

function bandsOf(jobs, nameOf, { since, until, slack }) {
  const bands = new Map();
  const oldestFirst = [...jobs].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  for (const job of oldestFirst) {
    const from = Math.max(since, Date.parse(job.created_at));
    const to = job.ended_at ? Date.parse(job.ended_at) : until;
    if (to < since) continue;
    const name = job.launcher_id ? nameOf(job.launcher_id) : NOBODY;
    bands.set(name, [...(bands.get(name) ?? []), { job, from, to: Math.max(to, from) + slack }]);
  }
  // What waits stands below what runs.
  const names = [...bands.keys()].sort((a, b) => (a === NOBODY) - (b === NOBODY));
  return names.map((name) => ({ name, ...pack(bands.get(name)) }));
}

function Bar({ bar, x, y }) {
  const { job } = bar;
  const [word, tone] = look(job.status);
  const started = job.started_at ? Date.parse(job.started_at) : bar.to;
  const end = x(bar.to);
  const begin = Math.min(x(started), end - 2);
  const ran = job.started_at ? `, ran ${span((bar.to - started) / 1000)}` : "";
  const about = `${job.session_name}: ${word}, waited ${span(Math.max(0, started - Date.parse(job.created_at)) / 1000)}${ran}`;
  return html`<a href=${link("sessions", job.session_name)} aria-label=${about}><title>${about}</title>
    <rect class="waited" x=${x(bar.from)} y=${y} width=${Math.max(0, begin - x(bar.from))} height=${ROW - 3} rx="2" />
    ${job.started_at && html`<rect class="bar" data-tone=${tone} x=${begin} y=${y} width=${Math.max(2, end - begin)}
      height=${ROW - 3} rx="2" />`}</a>`;
}
