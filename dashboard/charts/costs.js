/** What each agent cost on each day, in money or in tokens. */
import { html, useState } from "../browser/ui.js";
import { count, money } from "../parts/amounts.js";
import { Filters } from "../parts/controls.js";
import { Columns } from "./columns.js";

const DAYS = 14;
const COLOURS = 5;
const MEASURES = {
  cost: { title: "Cost by agent and day", pick: (row) => row.cost_usd, say: (value) => (value ? money(value) : "$0") },
  tokens: { title: "Tokens by agent and day", pick: (row) => row.input_tokens + row.output_tokens, say: count },
  jobs: { title: "Jobs by agent and day", pick: (row) => row.jobs, say: count },
};

/** Draws the last days; the agents that matter most have a colour of their own, the rest share one. */
export function CostChart({ costs, Picture, Key }) {
  const [chosen, setChosen] = useState(() => (costs.some((row) => row.cost_usd > 0) ? "cost" : "jobs"));
  const { title, pick, say } = MEASURES[chosen];
  const agents = ranked(costs, pick);
  const tone = (agent) => (agents.indexOf(agent) < COLOURS ? `chart-${agents.indexOf(agent) + 1}` : "chart-6");
  const days = lastDays();
  const columns = days.map((day, place) => {
    const rows = costs.filter((row) => row.day === day);
    return {
      key: day,
      from: (place + 0.12) / DAYS,
      to: (place + 0.88) / DAYS,
      title: `${day}: ${rows.map((row) => `${row.agent_name} ${say(pick(row))}`).join(", ") || "nothing"}`,
      parts: agents.map((agent) => ({ tone: tone(agent), value: total(rows.filter((row) => row.agent_name === agent), pick) })),
    };
  });
  const words = days.map((day, place) => ({ at: (place + 0.5) / DAYS, text: place % 2 === 1 ? day.slice(8) : "" }))
    .filter((word) => word.text);
  const sum = costs.reduce((total, row) => total + pick(row), 0);
  const note = html`${agents.slice(0, COLOURS).map((agent) => html`<${Key} key=${agent} tone=${tone(agent)} text=${agent} />`)}
    <${Filters} label="Measure" choices=${[["cost", "Cost"], ["tokens", "Tokens"], ["jobs", "Jobs"]]} chosen=${chosen}
      onChoose=${setChosen} />`;
  return html`<${Picture} title=${title} note=${note} wide>
    <${Columns} columns=${columns} words=${words} say=${say} label=${`${title}: ${say(sum)} in ${DAYS} days`} /><//>`;
}

function ranked(costs, pick) {
  const totals = new Map();
  for (const row of costs) totals.set(row.agent_name, (totals.get(row.agent_name) ?? 0) + pick(row));
  return [...totals].sort((a, b) => b[1] - a[1]).map(([agent]) => agent);
}

const total = (rows, pick) => rows.reduce((sum, row) => sum + pick(row), 0);
const dayBefore = (days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const lastDays = () => Array.from({ length: DAYS }, (_, index) => dayBefore(DAYS - 1 - index));
