/** Money, tokens and bytes as people read them. */

/** US dollars: `$0.04`, `<$0.01`; nothing for nothing. */
export function money(dollars) {
  if (!dollars) return "";
  if (dollars < 0.01) return "<$0.01";
  return `$${dollars < 100 ? dollars.toFixed(2) : Math.round(dollars).toLocaleString("en")}`;
}

/** A count in full: `12,345`. */
export const exactly = (number) => number.toLocaleString("en");

/** A count in few characters: `950`, `12.4k`, `3.1M`. */
export function count(number) {
  if (!number) return "0";
  if (number < 1000) return String(number);
  if (number < 1e6) return `${(number / 1000).toFixed(number < 1e4 ? 1 : 0)}k`;
  return `${(number / 1e6).toFixed(1)}M`;
}

/** Bytes: `812 B`, `4.1 KiB`. */
export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB"];
  const step = number > 0 ? Math.min(3, Math.floor(Math.log2(number) / 10)) : 0;
  return `${step ? (number / 1024 ** step).toFixed(1) : number} ${units[step]}`;
}

/** All tokens of a usage, input and output together. */
export const tokens = (usage) =>
  (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0) + (usage?.cache_read_tokens ?? 0) + (usage?.cache_write_tokens ?? 0);
