/** What others wrote, so that all of it is seen: what turns a text around, or hides in it, stands there as its escape. Pure. */

// The same as on a terminal. The end of a line of Windows is no more than that.
const HIDDEN =
  /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}\p{Cs}]|\r(?!\n|$)/gu;

/** The text with such characters as `\x1b` or `\u202e`; its lines stay lines. */
export const shown = (text) => String(text ?? "").replace(HIDDEN, escaped);

function escaped(character) {
  const code = character.codePointAt(0);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
