/** A patch as `git diff` writes it, line by line: pure. */

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;
const HEADS = /^(index |old mode|new mode|new file|deleted file|similarity|--- |\+\+\+ )/;

/**
 * Splits a patch into the lines that a reader wants.
 * @returns {{key: number, kind: "file"|"hunk"|"added"|"removed"|"same"|"note", text: string, old?: number, now?: number}[]}
 */
export function linesOfPatch(patch) {
  const lines = [];
  const put = (kind, text, numbers = {}) => lines.push({ key: lines.length, kind, text, ...numbers });
  let old = 0;
  let now = 0;
  let inHunk = false;
  for (const line of patch.split("\n").slice(0, patch.endsWith("\n") ? -1 : undefined)) {
    const hunk = HUNK.exec(line);
    if (line.startsWith("diff --git ")) {
      inHunk = false;
      put("file", nameIn(line));
    } else if (hunk) {
      [old, now, inHunk] = [Number(hunk[1]), Number(hunk[2]), true];
      put("hunk", `Line ${now || old}${hunk[3] ? ` ·${hunk[3]}` : ""}`);
    } else if (!inHunk) {
      if (!HEADS.test(line)) put("note", line);
    } else if (line.startsWith("+")) put("added", line.slice(1), { now: now++ });
    else if (line.startsWith("-")) put("removed", line.slice(1), { old: old++ });
    else if (line.startsWith("\\")) put("note", line.slice(2));
    else put("same", line.slice(1), { old: old++, now: now++ });
  }
  return lines;
}

/** Both names are the same, for nothing is looked for that was renamed. */
function nameIn(line) {
  const names = line.slice("diff --git ".length);
  if (names.startsWith('"')) return names.slice(3, (names.length - 1) / 2 - 1);
  return names.slice(2, (names.length - 1) / 2);
}

/** How many lines came and went. */
export function sums(files) {
  const sum = (name) => files.reduce((all, file) => all + (file[name] ?? 0), 0);
  return { added: sum("added"), removed: sum("removed") };
}
