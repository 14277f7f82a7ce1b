/** What the runtime told an agent of the sessions that it had started. */
import { link } from "../browser/router.js";
import { html } from "../browser/ui.js";
import { Markdown } from "./markdown.js";
import { Status } from "./status.js";

/** The children of a message of news, each with its outcome in its own words. */
export function News({ news }) {
  return html`<ul class="news-list">${news.children.map(
    (child) => html`<li key=${child.session}>
      <div class="row"><a class="strong cut" href=${link("sessions", child.session)}>${child.session}</a>
        <${Status} thing=${{ status: child.status }} aged=${false} /></div>
      ${child.failed ? html`<pre class="plain-text">${child.text}</pre>` : child.text && html`<${Markdown} text=${child.text} />`}</li>`,
  )}</ul>
  ${news.atWork && html`<p class="soft">Still at work: ${news.atWork}</p>`}`;
}
