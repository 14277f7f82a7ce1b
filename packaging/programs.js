/** What a person types for our programs where they are installed; a checkout has another file in this place. */
export const AO = "ao";
export const RUNTIME = "agent-runtime";
export const LAUNCHER = "agent-launcher";
