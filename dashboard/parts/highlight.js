/** Colours for code: the library finds out what is what, and every element is built here. */
import { h, useApp, useEffect, useState } from "../browser/ui.js";

const CHARACTERS_MAX = 20_000;

// The library's scopes, as the page has colours for them.
const KINDS = {
  keyword: "keyword", literal: "keyword", "selector-tag": "keyword", name: "keyword", "template-tag": "keyword",
  string: "string", regexp: "string", char: "string", symbol: "string", link: "string",
  comment: "comment", meta: "comment", quote: "comment", doctag: "comment",
  number: "number", title: "name", built_in: "name", type: "name", attr: "name", attribute: "name", section: "name",
  addition: "added", deletion: "removed",
};

/** Code in colours, once the library is there; what has no known language stays as it is. */
export function Coloured({ code, language }) {
  const library = useLibrary(Boolean(language) && code.length <= CHARACTERS_MAX);
  if (!library?.getLanguage(language)) return code;
  return library.highlight(code, { language, ignoreIllegals: true })._emitter.rootNode.children.map(element);
}

/** The library; it is fetched with the first code that has a language, and kept for all that comes after. */
function useLibrary(isWanted) {
  const { memory } = useApp();
  const [library, setLibrary] = useState(() => memory.get("highlighter"));
  useEffect(() => {
    if (!isWanted || library) return;
    import("../vendor/highlight.js").then((module) => {
      memory.set("highlighter", module.default);
      setLibrary(() => module.default);
    }, () => {}); // without it code has no colours, which is no loss that a reader must hear of
  }, [isWanted]);
  return isWanted ? library : null;
}

function element(node) {
  if (typeof node === "string") return node;
  const kind = KINDS[node.scope] ?? KINDS[node.scope?.split(".")[0]];
  const children = node.children.map(element);
  return kind ? h("span", { class: `tok-${kind}` }, children) : children;
}
