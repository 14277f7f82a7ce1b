/** The message by which the runtime tells a parent of its children, read back into its parts: pure. */

const OPENING = /^<agent-news [^>]*\bchildren="(\d+)"/;
const CHILD = /<child ([^>]*)>([^]*?)<\/child>/g;
const FACT = /([\w-]+)="([^"]*)"/g;
const ERROR = /<error>([^]*?)<\/error>/;
const RESULT = /<result [^>]*>\n([^]*?)\n<\/result>/;
const AT_WORK = /^Still at work: (.*)\. You will be told/m;
const SIGNS = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };
const unescaped = (text) => (text ?? "").replace(/&(?:lt|gt|quot|amp);/g, (sign) => SIGNS[sign]);

/**
 * Reads news; null if the text is none.
 * @returns {{children: {session: string, status: string, text: string, failed: boolean}[], atWork: string}|null}
 */
export function readNews(text) {
  if (!OPENING.test(text)) return null;
  const children = [...text.matchAll(CHILD)].map(([, facts, inside]) => {
    const known = Object.fromEntries([...facts.matchAll(FACT)].map(([, name, value]) => [name, unescaped(value)]));
    const error = ERROR.exec(inside);
    return { session: known.session, status: known.status, failed: Boolean(error), text: unescaped((error ?? RESULT.exec(inside))?.[1]) };
  });
  return { children, atWork: unescaped(AT_WORK.exec(text)?.[1]) };
}

/** What an order asks, in one line; of the runtime's news, what it is about. */
export function orderWords(text) {
  const found = OPENING.exec(text ?? "");
  if (!found) return (text ?? "").split("\n").map((line) => line.trim()).find(Boolean) ?? "";
  return found[1] === "1" ? "News of a child" : `News of ${found[1]} children`;
}
