/** What launchers say they can run, and what is amiss; the runtime decides by the same rule who gets a job. */

/** The program's name in a client's, which may have its backend's before it. */
export const programOf = (client) => client.split(" ").at(-1);

/** What keeps a launcher from running an agent's client, in words; empty if nothing does, or nobody knows. */
export function amiss(launcher, client) {
  if (!client || !launcher.clients) return "";
  if (!launcher.clients.length) return "still being looked for";
  const told = launcher.clients.find((one) => one.client === client);
  if (!told) return "";
  if (!told.program) return "not installed";
  return told.is_signed_in === false ? "not signed in" : "";
}

/** What keeps every launcher that is here from running an agent, in a sentence; empty if one can. */
export function whyNot(agent, launchers) {
  if (!launchers) return "";
  const here = launchers.filter(({ status }) => status === "alive");
  if (!here.length) return "No launcher is here.";
  const said = here.map((one) => [one.hostname || one.name, amiss(one, agent.client)]);
  if (said.some(([, what]) => !what)) return "";
  return `No launcher has ${programOf(agent.client)}: ${said.map(([host, what]) => `on ${host} it is ${what}`).join(", ")}.`;
}

/** The clients that are there, each with its version, and whether somebody is signed in. */
export const clientWords = (launcher) => (launcher.clients ?? []).filter(({ program }) => program)
  .map(({ client, version, is_signed_in: signed }) =>
    [[programOf(client), version].filter(Boolean).join(" "),
      signed === false ? "not signed in" : signed ? "signed in" : ""].filter(Boolean).join(", "));
