/** The page's own small pictures, all drawn on a field of 16 by 16 with one stroke. */
import { html } from "../browser/ui.js";

const PATHS = {
  sessions: "M2.500 4h11M2.500 8h11M2.500 12h7",
  questions:
    "M3 2.500h10a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H8l-3.500 2.500v-2.500H3a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z" +
    "M6.500 5.700c.2-1.800 3-1.700 3 0 0 1.100-1.400 1.100-1.500 1.900M8 9.400h.01",
  queue: "M3 3.500h10M3 8h10M3 12.500h10M12 6.500 13.500 8 12 9.500",
  launchers: "M2.500 3h11v4h-11zM2.500 9h11v4h-11zM5 5h.01M5 11h.01",
  agents:
    "M8 2.500v2M4.500 4.500h7a1.500 1.500 0 0 1 1.500 1.500v5.500a1.500 1.500 0 0 1-1.500 1.500h-7" +
    "A1.500 1.500 0 0 1 3 11.500V6a1.500 1.500 0 0 1 1.500-1.500zM6 8v1.200M10 8v1.200",
  overview: "M2.500 13.500h11M4 11V7.500M8 11V3.500M12 11V6",
  plus: "M8 3v10M3 8h10",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.500 10.500 14 14",
  copy: "M5.500 5.500h7v8h-7zM3.500 10.500v-8h7",
  check: "M3.500 8.500 6.500 11.500 12.500 4.500",
  close: "M4 4l8 8M12 4l-8 8",
  right: "M6 3.500 10.500 8 6 12.500",
  down: "M3.500 6 8 10.500 12.500 6",
  up: "M3.500 10 8 5.500 12.500 10",
  back: "M10 3.500 5.500 8 10 12.500",
  more: "M3.500 8h.01M8 8h.01M12.500 8h.01",
  sun:
    "M8 10.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM8 1.500v1.300M8 13.200v1.300M1.500 8" +
    "h1.300M13.200 8h1.300M3.400 3.400l.9.9M11.700 11.700l.9.9M12.600 3.400l-.9.9M4.300 11.700l-.9.9",
  moon: "M13 9.500A5.500 5.500 0 0 1 6.500 3a5.500 5.500 0 1 0 6.500 6.500z",
  bell: "M4 11.500V7.200a4 4 0 0 1 8 0v4.300M2.500 11.500h11M7 14h2",
  keyboard: "M1.500 4h13v8h-13zM4 6.500h.01M7 6.500h.01M10 6.500h.01M12 6.500h.01M5 9.500h6",
  pause: "M5.500 3.500v9M10.500 3.500v9",
  play: "M5 3.500 12 8 5 12.500z",
  stop: "M4 4h8v8H4z",
  "stop-all": "M2.500 2.500h7v7h-7zM12 5.500h1.500v8h-8V12",
  retry: "M13 8a5 5 0 1 1-1.500-3.500M13 2.500v3h-3",
  trash: "M2.500 4.500h11M6 4.500v-2h4v2M4 4.500l.7 9h6.600l.7-9M6.800 7v4M9.200 7v4",
  branch:
    "M4.500 4.500v7M4.500 4.500a1.500 1.500 0 1 0 0-.01M4.500 13a1.500 1.500 0 1 0 0-.01M11.500 6.500" +
    "a1.500 1.500 0 1 0 0-.01M11.500 8c0 2.500-3 2-5.500 3",
  send: "M8 13V3.500M3.500 7.500 8 3l4.500 4.500",
  edit: "M3 13l.6-2.800L10.800 3l2.200 2.200-7.200 7.200L3 13z",
  warn: "M8 2.500 14.500 13.500h-13zM8 6.800v3M8 11.700h.01",
  external: "M6.500 3.500h-3v9h9v-3M9 3h4v4M13 3 7.500 8.500",
  terminal: "M3 4l3.500 4L3 12M8 12h5",
  coin: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v6M6 9.500c.5 1.500 4 1.500 4-.2C10 7.500 6 8.500 6 6.700 6 5 9.500 5 10 6.500",
};

/** Draws an icon; it says nothing to a screen reader, its button or link does. */
export function Icon({ name, size = 16 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 16 16" fill="none" stroke="currentColor"
    stroke-width="1.500" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
