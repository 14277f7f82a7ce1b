/** What a person types for our programs in a checkout; a wheel has another file in this place, as there they are on PATH. */
export const AO = "commands/ao";
export const RUNTIME = "uv run agent-runtime";
export const LAUNCHER = "servers/agent-launcher/agent-launcher";
