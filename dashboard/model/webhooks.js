/** The places outside that are told of news, and each piece of news on its way there. */
import { useApp, useEffect } from "../browser/ui.js";
import { useReading } from "./reading.js";

const READ_AGAIN_MS = 2000;
const DELIVERIES_SHOWN = 50;

/** What can be told, and how a person says it. */
export const NEWS = [
  ["job.ended", "a job has ended"],
  ["tree.ended", "a session and all below it are at rest"],
  ["session.needs_input", "an agent asks"],
  ["session.lost", "a session is lost"],
  ["quota.held", "a limit is used up"],
];
export const FORMATS = [["json", "JSON, for programs"], ["slack", "Slack"], ["ntfy", "ntfy, for a phone"]];
export const NOTHING_YET = { name: "", url: "", format: "json", secret: "", news: NEWS.map(([name]) => name) };

/** All webhooks. */
export function useWebhooks() {
  const { api } = useApp();
  return useReading(() => api.get("webhooks"), { key: "webhooks", concerns });
}

/** The newest deliveries of one; what becomes of them is no event, and is read again as long as somebody looks. */
export function useDeliveries(name) {
  const { api } = useApp();
  const read = () => api.get(api.webhook(name, "deliveries"), { limit: DELIVERIES_SHOWN });
  const reading = useReading(read, { key: `deliveries ${name}`, concerns });
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reading.again(), READ_AGAIN_MS);
    return () => clearInterval(timer);
  }, [name]);
  return reading;
}

const concerns = (event) => event.type.startsWith("webhook.");

/** What is asked for by a form. */
export const webhookOf = ({ name, url, format, secret, news }) =>
  ({ name: name.trim(), url: url.trim(), format, news, ...(secret.trim() ? { secret: secret.trim() } : {}) });

/** Of whom or what a piece of news is. */
export const subjectOf = ({ data }) => data.session_name ?? data.account ?? "";

/**
 * Where a delivery stands: how it looks, and what came of its last attempt.
 * @returns {{text: string, tone: string, drawing: string, said: string}}
 */
export function standOf({ status, http_status: answered, error, attempts }) {
  const tries = attempts > 1 ? `, after ${attempts} attempts` : "";
  if (status === "delivered") return { text: `Delivered${tries}`, tone: "finished", drawing: "check", said: `HTTP ${answered}` };
  if (status === "failed") return { text: `Given up${tries}`, tone: "failed", drawing: "cross", said: error ?? "" };
  return { text: error ? "Will be tried again" : "On its way", tone: error ? "lost" : "running", drawing: "dots", said: error ?? "" };
}
