/** The accounts whose limit is used up: one line for each, with what lets its jobs go on at once, or later. */
import { html, useApp } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { useReading } from "../model/reading.js";
import { Act } from "./controls.js";
import { Icon } from "./icons.js";

const HOUR_MS = 3_600_000;

/** An hour more than it is held for; of one that is being tried, an hour from now. */
const later = (hold) => new Date(Math.max(Date.parse(hold.until), Date.now()) + HOUR_MS).toISOString();

/** Nothing is drawn while no account is held. */
export function QuotaHolds() {
  const { api, actions } = useApp();
  const read = useReading(() => api.get("holds"),
    { key: "holds", concerns: (event) => event.type.startsWith("quota.") || event.type.startsWith("job.") });
  const holds = read.value?.holds ?? [];
  const then = (act) => async () => {
    await act();
    read.again();
  };
  return holds.length > 0 && html`<div class="page"><section class="group" aria-label="Accounts whose limit is used up" data-holds>
    ${holds.map((hold) => html`<p class="soft" key=${hold.hold_id} data-hold=${hold.hold_id} title=${hold.said ?? ""}>
      ${sentence(hold.detail)} <${Act} class="button small" aria-label=${`Lift the hold of account ${hold.account}`}
        title="Let its jobs go on at once" onPress=${then(() => actions.liftQuotaHold(hold))}>
        <${Icon} name="play" size=${13} />Lift hold<//>
      <${Act} class="button small" aria-label=${`Hold account ${hold.account} an hour longer`}
        title="Let nothing be tried before" onPress=${then(() => actions.extendQuotaHold(hold, later(hold)))}>
        <${Icon} name="pause" size=${13} />An hour longer<//></p>`)}
  </section></div>`;
}
