/** The kinds of agents, as each says it of itself; written by `make reference`. */
export const BACKENDS = {
  acp: { title: "Any agent of the Agent Client Protocol", takesCommand: true, options: [
      "permission",
      "config",
      "resume",
      "own_folders",
      "start_seconds",
    ] },
  claude: { title: "Claude Code", takesCommand: false, options: [
      "permission",
      "permission_mode",
      "setting_sources",
      "load_other_mcp_servers",
      "system_prompt",
      "verbatim_prompts",
      "allowed_tools",
      "disallowed_tools",
      "fallback_model",
      "effort",
      "client_path",
    ] },
  codex: { title: "Codex", takesCommand: false, options: [
      "permission",
      "sandbox_mode",
      "effort",
      "config",
      "client_path",
    ] },
  command: { title: "Any program", takesCommand: true, options: [
      "allow_empty_result",
    ] },
  gemini: { title: "Gemini CLI", takesCommand: false, options: [
      "permission",
      "approval_mode",
      "settings",
      "client_path",
    ] },
};
