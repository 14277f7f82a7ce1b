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
 * Puts bars into rows so that none lies on another, those that matter most first; what finds no row within the limit
 * is counted.
 * @param {{from: number, to: number}[]} bars  in the order in which they matter
 */
export function pack(bars, rowsMax = ROWS_MAX) {
  const rows = [];
  const placed = [];
  let left = 0;
  for (const bar of bars) {
    let row = rows.findIndex((taken) => taken.every((other) => other.to <= bar.from || bar.to <= other.from));
    if (row < 0) row = rows.length;
    if (row >= rowsMax) left += 1;
    else {
      (rows[row] ??= []).push(bar);
      placed.push({ ...bar, row });
    }
  }
  return { placed, rows: Math.max(1, rows.length), left };
}

const NAME_MAX = 18;
const shortened = (name) => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);

const SHORTEST_MS = 120_000;

/** Begins where something happened: an hour with a minute of work in it would show nothing. */
function beginning(jobs, since, until) {
  const beginnings = jobs.flatMap((job) => [job.started_at ?? job.queued_at, job.queued_at]);
  const first = Math.min(until, ...beginnings.map((at) => Date.parse(at)));
  return Math.max(since, Math.min(first - (until - first) * 0.05, until - SHORTEST_MS));
}

/** Draws the bands; `jobs` are `{job_id, session_name, launcher_id, status, queued_at, started_at, ended_at}`. */
export function Lanes({ jobs, nameOf, since: earliest, until }) {
  const since = beginning(jobs, earliest, until);
  const [box, width] = useWidth();
  const x = (at) => LEFT + ((Math.max(since, at) - since) / (until - since)) * (width - LEFT);
  const slack = ((until - since) / width) * 3;
  const bands = bandsOf(jobs, nameOf, { since, until, slack });
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
      return html`<g key=${band.id} data-band=${band.name}><path class="band-line" d=${`M0 ${top - PAD / 2 + 0.5}H${width}`} />
        <text class="band" x="0" y=${y + ROW + 1}>${shortened(band.name)}<title>${band.name}</title></text>
        ${band.left > 0 && html`<text class="word" x="0" y=${y + 2 * ROW + 4}>and ${band.left} more</text>`}
        ${band.placed.map((bar) => html`<${Bar} key=${bar.job.job_id} bar=${bar} x=${x} y=${y + bar.row * ROW + 3}
            slack=${slack} />`)}</g>`;
    })}
  </svg></div>`;
}

// What went wrong is drawn first, then what is at work; the rest is a crowd of which the newest matter most.
const WORTH = { failed: 0, lost: 0, running: 1, claimed: 1, pending: 2 };

function bandsOf(jobs, nameOf, { since, until, slack }) {
  const bands = new Map();
  const worth = (job) => WORTH[job.status] ?? 3;
  const inOrder = [...jobs].sort((a, b) => worth(a) - worth(b) || (a.job_id < b.job_id ? 1 : -1));
  for (const job of inOrder) {
    const begin = Date.parse(job.started_at ?? job.queued_at);
    const to = job.ended_at ? Date.parse(job.ended_at) : until;
    if (to < since) continue;
    const from = Math.max(since, begin);
    const id = job.launcher_id ?? NOBODY;
    if (!bands.has(id)) bands.set(id, []);
    bands.get(id).push({ job, from, to: Math.max(to, from) + slack });
  }
  // What waits stands below what runs.
  const named = [...bands.keys()].map((id) => ({ id, name: id === NOBODY ? NOBODY : nameOf(id) }));
  named.sort((a, b) => (a.id === NOBODY) - (b.id === NOBODY) || (a.name + a.id < b.name + b.id ? -1 : 1));
  return named.map((band, place) => ({ ...band, name: apart(band, named, place), ...pack(bands.get(band.id)) }));
}

/** Two launchers of one name are two bands, and numbered. */
function apart({ name }, named, place) {
  const earlier = named.slice(0, place).filter((other) => other.name === name).length;
  return earlier || named.slice(place + 1).some((other) => other.name === name) ? `${name} (${earlier + 1})` : name;
}

function Bar({ bar, x, y, slack }) {
  const { job } = bar;
  const [word, tone] = look(job.status);
  const end = x(bar.to);
  const queued = Date.parse(job.queued_at);
  const started = job.started_at ? Date.parse(job.started_at) : bar.to - slack;
  const begin = job.started_at ? Math.min(x(bar.from), end - 2) : end;
  const ran = job.started_at ? `, ran ${span((bar.to - slack - started) / 1000)}` : "";
  const about = `${job.session_name}: ${word}, waited ${span(Math.max(0, started - queued) / 1000)}${ran}`;
  const waited = { x: x(queued), width: Math.max(0, begin - x(queued)) };
  // The wait of what began is a thin line, which may run below the bars of others: it takes no room of its own.
  const thin = job.started_at ? { y: y + (ROW - 3) / 2 - 1, height: 2 } : { y, height: ROW - 3 };
  return html`<a href=${link("sessions", job.session_name)} aria-label=${about}><title>${about}</title>
    <rect class="waited" ...${waited} ...${thin} rx="1" />
    ${job.started_at && html`<rect class="bar" data-tone=${tone} x=${begin} y=${y} width=${Math.max(2, end - begin)}
      height=${ROW - 3} rx="2" />`}</a>`;
}
