/** The form in which a webhook is made. */
import { html, useApp, useState } from "../browser/ui.js";
import { FORMATS, NEWS, NOTHING_YET, webhookOf } from "../model/webhooks.js";
import { Dialog, ProblemLine } from "./controls.js";
import { Field } from "./field.js";

const SECRET_HINT = "Where the runtime finds the key whsec_…: ${env:NAME} or ${file:/PATH}. JSON must have one";

/** The runtime judges what is written, and says so in its own words. */
export function WebhookForm({ onClose }) {
  const { api, actions } = useApp();
  const [form, setForm] = useState(NOTHING_YET);
  const [error, setError] = useState(null);
  const change = (changes) => setForm((before) => ({ ...before, ...changes }));
  const save = async (event) => {
    event.preventDefault();
    try {
      await api.post("webhooks", webhookOf(form));
      actions.say(`${form.name.trim()} is told from now on`);
      onClose();
    } catch (problem) {
      setError(problem);
    }
  };
  const line = (label, name, hint) => html`<${Field} label=${label} hint=${hint}>
    ${(props) => html`<input class="input" ...${props} value=${form[name]} spellcheck=${false} autocomplete="off"
      onInput=${(event) => change({ [name]: event.target.value })} />`}<//>`;
  return html`<${Dialog} title="New webhook" narrow onClose=${onClose}>
    <form class="dialog-form" onSubmit=${save} novalidate><div class="body stack">
      ${line("Name", "name", "")}
      ${line("URL", "url", "https://…, or ${env:NAME} or ${file:/PATH} that holds it, if it is a secret itself")}
      <${Field} label="Format">${(props) => html`<select class="select" ...${props}
        onChange=${(event) => change({ format: event.target.value })}>
        ${FORMATS.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === form.format}>${words}</option>`)}
      </select>`}<//>
      ${line("Secret", "secret", SECRET_HINT)}
      <${Told} chosen=${form.news} onChoose=${(news) => change({ news })} />
      ${error && html`<${ProblemLine} error=${error} />`}</div>
    <footer><button type="button" class="button" onClick=${onClose}>Cancel</button>
      <button class="button primary" disabled=${!form.name.trim() || !form.url.trim() || !form.news.length}>Add</button></footer></form>
  <//>`;
}

function Told({ chosen, onChoose }) {
  const turn = (name) => onChoose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return html`<fieldset class="told"><legend>It is told when</legend>
    ${NEWS.map(([name, words]) => html`<label class="check" key=${name}><input type="checkbox" checked=${chosen.includes(name)}
      onChange=${() => turn(name)} />${words}</label>`)}</fieldset>`;
}
