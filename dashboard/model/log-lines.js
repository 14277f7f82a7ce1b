/** The lines of a raw log, as they are shown: pure. */

/**
 * Splits a text into lines.
 * @returns {{number: number, text: string}[]}  `number` begins at one
 */
export function linesOf(text) {
  if (!text) return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  // What was written over in a terminal is what it shows last.
  return lines.map((line, place) => ({ number: place + 1, text: line.replace(/\r$/, "").replace(/^.*\r/, "") }));
}

/** Those lines that hold what is looked for, whatever its case. */
export function fitting(lines, wanted) {
  const words = wanted.toLowerCase();
  return words ? lines.filter((line) => line.text.toLowerCase().includes(words)) : lines;
}

/** Splits a line where it holds what is looked for: every second piece does. */
export function pieces(text, wanted) {
  if (!wanted) return [text];
  const lower = text.toLowerCase();
  const words = wanted.toLowerCase();
  const found = [];
  let from = 0;
  for (let at = lower.indexOf(words); at >= 0; at = lower.indexOf(words, from)) {
    found.push(text.slice(from, at), text.slice(at, at + words.length));
    from = at + words.length;
  }
  return [...found, text.slice(from)];
}
