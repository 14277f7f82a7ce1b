/** Asks the runtime; whatever goes wrong becomes an `ApiError` with a sentence for a person. */
import { capital } from "./capital.js";

/** An answer that is not the one that was hoped for; `status` is 0 when there was none at all. */
export class ApiError extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

const UNREACHABLE = "the runtime does not answer (is it running? start it with: ao up, or agent-runtime)";

/** The address of a call, below wherever the page itself lives. */
export function address(path, query = {}) {
  const url = new URL(path, document.baseURI.split("#")[0]);
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(key, String(value));
  }
  return url;
}

/**
 * Makes the caller of the runtime.
 * @param {{onUnauthorized: () => void, onAnswer: (serverTime: number|null) => void,
 *          onDatabase: (trouble: string|null) => void}} listeners
 */
export function createApi({ onUnauthorized, onAnswer, onDatabase }) {
  async function ask(method, path, { query, body, headers = {}, signal } = {}) {
    const init = { method, headers: { ...headers }, signal, credentials: "same-origin" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers["Content-Type"] = "application/json";
    }
    let answer;
    try {
      answer = await fetch(address(path, query), init);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, "unreachable", UNREACHABLE);
    }
    const date = answer.headers.get("date");
    onAnswer(date ? Date.parse(date) : null);
    if (answer.status === 401) onUnauthorized();
    if (answer.ok) return answer;
    const error = await asError(answer, `${method} /${path}`);
    if (error.code === "database_unavailable") onDatabase(error.message);
    throw error;
  }

  /** Asks whether the database can be used; whoever listens hears why it cannot, or that it can. */
  const askHealth = () => ask("GET", "health").then(() => onDatabase(null));

  const json = async (...args) => {
    const answer = await ask(...args);
    return answer.status === 204 ? null : answer.json();
  };
  const part = encodeURIComponent;

  return {
    ask,
    askHealth,
    get: (path, query, options) => json("GET", path, { query, ...options }),
    post: (path, body = {}, options) => json("POST", path, { body, ...options }),
    put: (path, body) => json("PUT", path, { body }),
    patch: (path, body) => json("PATCH", path, { body }),
    del: (path, query) => json("DELETE", path, { query }),
    session: (name, call = "") => `sessions/${part(name)}${call && `/${call}`}`,
    job: (id, call = "") => `jobs/${part(id)}${call && `/${call}`}`,
    agent: (name, call = "") => `agents/${part(name)}${call && `/${call}`}`,
    question: (id, call = "") => `questions/${part(id)}${call && `/${call}`}`,
    webhook: (name, call = "") => `webhooks/${part(name)}${call && `/${call}`}`,
    launcher: (id, call = "") => `launchers/${part(id)}${call && `/${call}`}`,
  };
}

async function asError(answer, what) {
  const found = await answer.json().catch(() => null);
  if (found && typeof found.detail === "string") return new ApiError(answer.status, found.code ?? "", found.detail);
  return new ApiError(answer.status, "", `${what}: the answer was ${answer.status} ${answer.statusText}, not one of the runtime's`);
}

/** Whether a call failed because this runtime does not know it: the view then leaves that part out. */
export const isMissing = (error) =>
  error instanceof ApiError && (error.status === 405 || (error.status === 404 && error.code === "not_found"));

/** Whether a call failed because nobody answered; the page says so above everything else, and asks again by itself. */
export const isUnreachable = (error) => error instanceof ApiError && error.status === 0;

/** An error as a sentence that begins with a capital. */
export const sentence = (error) => capital(error?.message ?? String(error));
