/** The accounts whose limit is used up: one line for each, with what lets its jobs go on at once. */
import { html, useApp } from "../browser/ui.js";
import { sentence } from "../model/api.js";
import { useReading } from "../model/reading.js";
import { Act } from "./controls.js";
import { Icon } from "./icons.js";

/** Nothing is drawn while no account is held. */
export function QuotaHolds() {
  const { api, actions } = useApp();
  const read = useReading(() => api.get("holds"),
    { key: "holds", concerns: (event) => event.type.startsWith("quota.") || event.type.startsWith("job.") });
  const holds = read.value?.holds ?? [];
  const lift = (hold) => async () => {
    await actions.liftQuotaHold(hold);
    read.again();
  };
  return holds.length > 0 && html`<div class="page"><section class="group" aria-label="Accounts whose limit is used up" data-holds>
    ${holds.map((hold) => html`<p class="soft" key=${hold.hold_id} data-hold=${hold.hold_id} title=${hold.said ?? ""}>
      ${sentence(hold.detail)} <${Act} class="button small" aria-label=${`Lift the hold of account ${hold.account}`}
        title="Let its jobs go on at once" onPress=${lift(hold)}><${Icon} name="play" size=${13} />Lift hold<//></p>`)}
  </section></div>`;
}
