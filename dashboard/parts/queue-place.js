/** Where a job stands in the queue, with the way there. */
import { link } from "../browser/router.js";
import { html, useApp } from "../browser/ui.js";
import { useReading } from "../model/reading.js";
import { IN_LINE } from "../model/reasons.js";
import { exactly } from "./amounts.js";

const READ = 500;

/** `3rd of 12 in the queue`, for one that waits for nothing but a launcher; of the others, that they stand beside it. */
export function QueuePlace({ jobId }) {
  const { api } = useApp();
  const queue = useReading(() => api.get("jobs", { order: "run", limit: READ }),
    { key: `place of ${jobId}`, concerns: (event) => event.type.startsWith("job.") });
  // Until it is known, something stands there: what is below would move under the pointer.
  if (!queue.value) return html`<a href=${link("queue")}>In the queue</a>`;
  const line = queue.value.jobs.filter(({ reason }) => IN_LINE.has(reason));
  const place = line.findIndex(({ job_id: id }) => id === jobId);
  const read = queue.value.jobs.length;
  if (place < 0 && !queue.value.jobs.some(({ job_id: id }) => id === jobId)) {
    return html`<a href=${link("queue")}>Behind the first ${exactly(read)} of ${exactly(queue.value.waiting)} in the queue</a>`;
  }
  const words = place < 0 ? "It has no place in the line until then" : `${ordinal(place + 1)} of ${exactly(line.length)} in the line`;
  return html`<a href=${link("queue")}>${words}</a>`;
}

const ENDS = { one: "st", two: "nd", few: "rd", other: "th" };
const rules = new Intl.PluralRules("en", { type: "ordinal" });
const ordinal = (number) => `${exactly(number)}${ENDS[rules.select(number)]}`;
