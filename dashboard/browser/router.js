/** The address bar: every view has a link of its own, and the link is all that it needs. */
import { useEffect, useState } from "./ui.js";

/**
 * Splits the part behind `#` into names and questions.
 * @returns {{path: string[], query: URLSearchParams, href: string}}
 */
export function readRoute(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query), href: hash };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Writes a link: `link("sessions", name)` or `link("sessions", {status: "failed"})`; empty answers are left out. */
export function link(...parts) {
  const last = parts.at(-1);
  const query = typeof last === "object" ? new URLSearchParams() : null;
  if (query) {
    for (const [key, value] of Object.entries(parts.pop())) if (value) query.set(key, value);
  }
  const path = parts.map(encodeURIComponent).join("/");
  return `#/${path}${query?.size ? `?${query}` : ""}`;
}

/** Goes to a link; `replace` leaves no step behind for the back button. */
export function go(href, { replace = false } = {}) {
  if (href === location.hash) return;
  if (replace) {
    history.replaceState(null, "", href);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = href;
  }
}

/** The route that is shown now. */
export function useRoute() {
  const [route, setRoute] = useState(() => readRoute());
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
