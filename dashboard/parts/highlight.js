/** Colours for code: comments, strings, numbers and keywords are found by one expression per family of languages. */
import { h } from "../browser/ui.js";

const CHARACTERS_MAX = 20_000;

const STRING = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
const NUMBER = String.raw`\b(?:0x[\da-f_]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)\b`;

const HASH = String.raw`#[^\n]*`;
const SLASHES = String.raw`\/\/[^\n]*|\/\*[^]*?\*\/`;
const DASHES = String.raw`--[^\n]*|\/\*[^]*?\*\/`;
const MARKUP = String.raw`<!--[^]*?-->`;

const WORDS = {
  python:
    "and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda match nonlocal not or pass raise return try while with yield None True False self",
  c:
    "abstract as async await bool boolean break byte case catch char class const continue default defer " +
    "delete do double else enum export extends false final finally float fn for from func function go if impl " +
    "implements import in int interface let long loop match mod mut namespace new nil null package private " +
    "protected pub public return self static string struct super switch template this throw throws trait true " +
    "try type typedef typeof undefined union unsafe use using var virtual void volatile where while with " +
    "yield",
  shell:
    "if then else elif fi for in do done while until case esac function return exit export local set unset " +
    "echo cd source sudo",
  sql:
    "select from where and or not insert into values update set delete create table index drop alter join " +
    "left right inner outer on group by order limit offset having as distinct union null is in exists between " +
    "like primary key references default returning with case when then else end",
  data: "true false null yes no on off",
};

const FAMILIES = [
  [["python", "py", "toml", "ini", "ruby", "rb", "makefile", "dockerfile"], HASH, WORDS.python,
    String.raw`"""[^]*?"""|'''[^]*?'''|` + STRING],
  [["yaml", "yml"], HASH, WORDS.data, STRING],
  [["sh", "bash", "zsh", "shell", "console", "fish"], String.raw`(?<![\w$])#[^\n]*`, WORDS.shell, STRING],
  [["sql", "postgres", "sqlite"], DASHES, WORDS.sql, STRING],
  [["json", "jsonc", "json5"], SLASHES, WORDS.data, STRING],
  [["html", "xml", "svg"], MARKUP, "", STRING],
  [
    ["js", "javascript", "mjs", "ts", "typescript", "tsx", "jsx", "go", "rust", "rs", "c", "cpp", "c++", "h", "java",
      "kotlin", "swift", "cs", "csharp", "php", "css", "scala"],
    SLASHES,
    WORDS.c,
    String.raw`\x60(?:\\.|[^\x60\\])*\x60|` + STRING,
  ],
];

/** Splits code into coloured pieces; what has no known language stays as it is. */
export function highlight(code, language) {
  const name = language.toLowerCase();
  if (code.length > CHARACTERS_MAX) return code;
  if (name === "diff" || name === "patch") return diff(code);
  const family = FAMILIES.find(([names]) => names.includes(name));
  return family ? paint(code, family) : code;
}

function paint(code, [, comment, words, string]) {
  const keyword = words ? String.raw`\b(?:${words.replaceAll(" ", "|")})\b` : "(?!)";
  const flags = words === WORDS.sql ? "gi" : "g";
  const pattern = new RegExp(`(${comment})|(${string})|(${NUMBER})|(${keyword})|([A-Za-z_]\\w*(?=\\())`, flags);
  const classes = ["tok-comment", "tok-string", "tok-number", "tok-keyword", "tok-name"];
  const pieces = [];
  let end = 0;
  for (const match of code.matchAll(pattern)) {
    if (match.index > end) pieces.push(code.slice(end, match.index));
    const kind = match.slice(1).findIndex((group) => group !== undefined);
    pieces.push(h("span", { class: classes[kind] }, match[0]));
    end = match.index + match[0].length;
  }
  pieces.push(code.slice(end));
  return pieces;
}

function diff(code) {
  const kinds = [["+", "tok-added"], ["-", "tok-removed"], ["@@", "tok-comment"]];
  const kind = (line) => kinds.find(([mark]) => line.startsWith(mark))?.[1] ?? "";
  return code.split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`));
}
