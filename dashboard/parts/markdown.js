/**
 * Markdown from agents, as elements. The parser only finds out what is what; every element is built here, so a text
 * can never become markup: HTML stays text, images become links, and links lead only to http, https and mail.
 */
import { html, h } from "../browser/ui.js";
import { shown } from "../model/plain-text.js";
import { lexer } from "../vendor/marked.js";
import { Copy } from "./controls.js";
import { Coloured } from "./highlight.js";

const CHARACTERS_MAX = 200_000;
const DEPTH_MAX = 24;

/** Draws a text of an agent. */
export function Markdown({ text }) {
  // Beyond this a reader wants a file, and the parser would hold up the page.
  if (text.length > CHARACTERS_MAX) return html`<pre class="plain-text">${text}</pre>`;
  let tokens;
  try {
    tokens = lexer(text, { gfm: true, breaks: true });
  } catch {
    return html`<pre class="plain-text">${text}</pre>`;
  }
  return html`<div class="markdown">${blocks(tokens, 0)}</div>`;
}

const blocks = (tokens, depth) => (depth > DEPTH_MAX ? tokens.map((token) => token.raw) : tokens.map((token) => block(token, depth)));

function block(token, depth) {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      // The page has headings of its own above these; a text must not break their order for a screen reader.
      return html`<div class=${`md-h md-h${token.depth}`} role="heading" aria-level=${Math.min(6, token.depth + 2)}>
        ${inline(token.tokens, depth)}</div>`;
    case "paragraph":
      return html`<p>${inline(token.tokens, depth)}</p>`;
    case "code":
      return html`<${CodeBlock} code=${token.text} language=${token.lang} />`;
    case "blockquote":
      return html`<blockquote>${blocks(token.tokens, depth + 1)}</blockquote>`;
    case "list":
      return h(token.ordered ? "ol" : "ul", token.ordered && token.start > 1 ? { start: token.start } : null,
        token.items.map((item) => listItem(item, depth + 1)));
    case "table":
      return table(token, depth);
    case "hr":
      return html`<hr />`;
    case "text":
      return token.tokens ? inline(token.tokens, depth) : unescaped(token.text);
    default:
      return html`<p>${token.raw}</p>`;
  }
}

function listItem(item, depth) {
  const box = item.task ? html`<span class="task" aria-label=${item.checked ? "done" : "open"} role="img">
    ${item.checked ? "☑" : "☐"}</span> ` : null;
  return html`<li>${box}${blocks(item.tokens.filter((token) => token.type !== "checkbox"), depth)}</li>`;
}

function table(token, depth) {
  const cell = (tag) => (content, column) => h(tag, { style: { textAlign: token.align[column] ?? "left" } }, inline(content.tokens, depth));
  return html`<div class="table-box" tabindex="0" role="group" aria-label="Table"><table>
    <thead><tr>${token.header.map(cell("th"))}</tr></thead>
    <tbody>${token.rows.map((row) => html`<tr>${row.map(cell("td"))}</tr>`)}</tbody>
  </table></div>`;
}

function inline(tokens, depth) {
  if (!tokens || depth > DEPTH_MAX) return (tokens ?? []).map((token) => token.raw);
  const inner = (token) => inline(token.tokens, depth + 1);
  return tokens.map((token) => {
    switch (token.type) {
      case "strong":
        return html`<strong>${inner(token)}</strong>`;
      case "em":
        return html`<em>${inner(token)}</em>`;
      case "del":
        return html`<del>${inner(token)}</del>`;
      case "codespan":
        return html`<code>${unescaped(token.text)}</code>`;
      case "br":
        return html`<br />`;
      case "link":
        return safeLink(token.href, inner(token));
      case "image":
        return safeLink(token.href, [`🖼 ${token.text || token.href}`]);
      case "escape":
        return token.text;
      case "text":
        return token.tokens ? inner(token) : unescaped(token.text);
      default:
        return token.raw;
    }
  });
}

/** A link that a click may follow, or just its text with the address behind it. */
function safeLink(href, content) {
  if (/^(https?:\/\/|mailto:)/i.test(href)) {
    return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${content}</a>`;
  }
  return html`<span title=${href}>${content}</span>`;
}

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const unescaped = (text) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]);

/** A block of code in colours, with its language and a copy button. */
export function CodeBlock({ code, copied = code, language = "" }) {
  const name = (language ?? "").trim().split(/\s+/)[0];
  return html`<div class="code"><div class="code-head"><span>${name}</span><${Copy} text=${copied} label="Copy code" /></div>
    <pre tabindex="0" role="group" aria-label=${name ? `Code, ${name}` : "Code"}><code>
      <${Coloured} code=${shown(code)} language=${name.toLowerCase()} /></code></pre></div>`;
}
