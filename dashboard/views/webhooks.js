/** The webhooks: who outside is told of what; and of one of them what is on its way there, and what came of it. */
import { go, link } from "../browser/router.js";
import { html, useApp, useState } from "../browser/ui.js";
import { isUnreachable } from "../model/api.js";
import { capital } from "../model/capital.js";
import { NEWS, standOf, subjectOf, useDeliveries, useWebhooks } from "../model/webhooks.js";
import { Act, Dialog, Empty, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icons.js";
import { Drawing } from "../parts/status.js";
import { Ago } from "../parts/time.js";
import { Unread } from "../parts/unread.js";
import { WebhookForm } from "../parts/webhook-form.js";

const WORDS = Object.fromEntries(NEWS);

/** The view at `#/webhooks` and `#/webhooks/NAME`. */
export function WebhooksView({ route }) {
  const [, name] = route.path;
  return name ? html`<${One} key=${name} name=${name} />` : html`<${All} />`;
}

function All() {
  const { value, error, again } = useWebhooks();
  const [making, setMaking] = useState(false);
  if (!value && isUnreachable(error)) return html`<${Unread} what="Webhooks" />`;
  const webhooks = value?.webhooks ?? [];
  return html`
    <header class="bar"><a class="button plain icon small" href=${link("questions")} aria-label="Questions"><${Icon} name="back" /></a>
      <h1>Webhooks</h1>
      <div class="actions"><button type="button" class="button primary" onClick=${() => setMaking(true)}>
        <${Icon} name="plus" size=${14} />New webhook</button></div></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Webhooks">
      ${error && !isUnreachable(error) && html`<div class="page"><${ProblemLine} error=${error} onAgain=${again} /></div>`}
      ${value && !webhooks.length && html`<${Empty} icon="send" title="Nobody outside is told">
        <p>A webhook tells a phone, a chat or a program when a job has ended or an agent asks.</p><//>`}
      ${webhooks.length > 0
        && html`<div class="page"><ul class="rows">${webhooks.map((one) => html`<${Row} key=${one.name} webhook=${one} />`)}</ul></div>`}
    </div>
    ${making && html`<${WebhookForm} onClose=${() => setMaking(false)} />`}`;
}

function Row({ webhook }) {
  const [removing, setRemoving] = useState(false);
  const { name, format, url, news } = webhook;
  return html`<li class="place-row agent-row" data-webhook=${name}>
    <div class="about">
      <span class="row"><a class="strong" data-row href=${link("webhooks", name)}>${name}</a><span class="chip">${format}</span></span>
      <span class="soft mono anywhere">${url}</span>
      <span class="faint">${capital(news.map((one) => WORDS[one] ?? one).join(" · "))}</span></div>
    <${Test} name=${name} />
    <button type="button" class="button plain icon small" aria-label=${`Remove ${name}`} title="Remove"
      onClick=${() => setRemoving(true)}><${Icon} name="trash" size=${14} /></button>
    ${removing && html`<${RemoveDialog} name=${name} onClose=${() => setRemoving(false)} />`}</li>`;
}

/** What comes of it is seen among the deliveries. */
function Test({ name }) {
  const { api, actions } = useApp();
  const test = async () => {
    if (await actions.attempt(() => api.post(api.webhook(name, "test")))) go(link("webhooks", name));
  };
  return html`<${Act} class="button small" aria-label=${`Test ${name}`} title="Send a test" onPress=${test}>
    <${Icon} name="send" size=${13} />Test<//>`;
}

function RemoveDialog({ name, onClose }) {
  const { api, actions } = useApp();
  const act = async () => {
    onClose();
    if (await actions.attempt(() => api.del(api.webhook(name)))) actions.say(`${name} is told nothing more`);
  };
  return html`<${Dialog} title=${`Remove ${name}?`} narrow onClose=${onClose}>
    <div class="body"><p>It is told nothing more; what is on its way there, and what is known of it, goes too.</p></div>
    <footer><button class="button" onClick=${onClose}>Keep it</button>
      <button class="button solid-danger" onClick=${act}>Remove</button></footer>
  <//>`;
}

function One({ name }) {
  const { value, error, again } = useDeliveries(name);
  const deliveries = value?.deliveries ?? [];
  return html`
    <header class="bar"><a class="button plain icon small" href=${link("webhooks")} aria-label="All webhooks"><${Icon} name="back" /></a>
      <h1 class="cut">${name}</h1><div class="actions"><${Test} name=${name} /></div></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Deliveries">
      ${error && !isUnreachable(error) && html`<div class="page"><${ProblemLine} error=${error} onAgain=${again} /></div>`}
      ${value && !deliveries.length && html`<${Empty} icon="send" title="Nothing was sent yet"><p>Send a test, or wait for news.</p><//>`}
      ${deliveries.length > 0 && html`<div class="page"><ul class="rows" aria-label="Deliveries, newest first">
        ${deliveries.map((one) => html`<${Delivery} key=${one.delivery_id} delivery=${one} onReplayed=${again} />`)}</ul></div>`}
    </div>`;
}

function Delivery({ delivery, onReplayed }) {
  const { api, actions } = useApp();
  const { text, tone, drawing, said } = standOf(delivery);
  const subject = subjectOf(delivery);
  const replay = async () => {
    await actions.attempt(() => api.post(api.webhook(delivery.webhook, `deliveries/${delivery.delivery_id}/replay`)));
    onReplayed();
  };
  return html`<li class="place-row agent-row" data-delivery=${delivery.delivery_id} data-status=${delivery.status}>
    <div class="about">
      <span class="row"><span class="strong">${capital(WORDS[delivery.type] ?? "a test")}</span>
        ${subject && html`<span class="cut">${subject}</span>`}
        <span class="faint"><${Ago} at=${delivery.happened_at} suffix=" ago" /></span></span>
      <span class="row wrap"><span class="status" data-tone=${tone}><${Drawing} name=${drawing} />${text}</span>
        <span class="soft anywhere">${said}</span></span></div>
    <${Act} class="button small" aria-label=${`Send ${delivery.delivery_id} once more`} title="Send it once more, under the same id"
      onPress=${replay}><${Icon} name="retry" size=${13} />Replay<//></li>`;
}
