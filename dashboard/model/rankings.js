/** What the overview ranks: why jobs failed or wait, who is busy, what takes long, what costs most. Pure. */
import { capital } from "./capital.js";
import { reasonWords, waitWords } from "./reasons.js";

const SHOWN_MAX = 6;

/** How many there are of each, the most first. */
export function counted(things) {
  const counts = new Map();
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, SHOWN_MAX);
}

/** Why jobs failed that ended since a moment. */
export const failures = (jobs, since) => counted(jobs
  .filter((job) => job.status === "failed" && Date.parse(job.ended_at) >= since)
  .map((job) => capital(reasonWords(job.reason) || "failed")));

/** Why jobs wait, of those that the queue tells. */
export const waits = (jobs) => counted(jobs.map((job) => waitWords(job.reason)));

/** How busy each launcher is that is here, the busiest first: those without a limit have no share. */
export const loads = (launchers) => launchers
  .filter(({ status }) => status === "alive" || status === "draining")
  .map((one) => ({ ...one, share: one.max_jobs ? one.running_jobs / one.max_jobs : 0 }))
  .sort((one, other) => other.share - one.share || other.running_jobs - one.running_jobs)
  .slice(0, SHOWN_MAX);

/** The jobs that took longest, or take longest so far. */
export const slowest = (jobs, since, now) => jobs
  .filter((job) => job.started_at && (!job.ended_at || Date.parse(job.ended_at) >= since))
  .map((job) => ({ ...job, seconds: job.run_seconds ?? (Date.parse(job.ended_at ?? now) - Date.parse(job.started_at)) / 1000 }))
  .sort((one, other) => other.seconds - one.seconds)
  .slice(0, SHOWN_MAX);
