/** What a person can do about a reason; the runtime's sentence says what happened, this says what helps. */

const HELP = {
  spawn_failed: "Look at the log; is the launcher's project folder there, and are the ao-* commands executable?",
  nonzero_exit: "The log has the agent's own words. Mend the cause, then retry.",
  signal: "Something killed the process: often too little memory. Look at the machine, then retry.",
  timed_out: "It was ended at its time limit. Retry with a longer limit, or ask for less.",
  stalled: "It said nothing for too long and was ended. Retry, or look at its log.",
  output_limit: "It wrote more than its limit of output. Ask for less, or raise the limit.",
  shim_died: "Its keeper was killed from outside; leftovers were removed. Retry.",
  host_rebooted: "The machine restarted while it ran. Retry.",
  launcher_lost: "Its launcher did not come back. Start the launcher again: for 24 hours the true outcome still corrects this.",
  claim_expired: "The launcher took it and did not begin. It is queued again by itself.",
  queue_expired: "No launcher took it in time. Start one that fits, then retry.",
  gave_way: "It asked something and let others have its place. Answer it.",
  question_expired: "Nobody answered its question in time, and its blueprint says that it ends then. Retry.",
  backend_missing: "The agent's program is not installed on the launcher's machine. Install it there, then retry.",
  backend_auth: "The agent's client is not logged in on the launcher's machine. Log in there, then retry.",
  quota_exhausted: "The account's usage limit is reached. Retry when it has been renewed.",
  rate_limited: "The provider asked to slow down. Retry in some minutes.",
  model_overloaded: "The model's service had too much to do for longer than the job tries. Retry.",
  model_unreachable: "The model's service could not be reached. Look at the launcher's network, then retry.",
  budget_exceeded: "It reached its budget. Raise the limit of the agent or the session, then go on.",
  context_overflow: "The conversation has become too long for the model. Begin a new session with a summary.",
  session_not_found: "The agent's client no longer has this conversation. Begin a new session.",
  host_mismatch: "The conversation lives on another machine. Start the launcher there.",
  project_dir_refused: "The launcher may not work in that folder. Choose another one, or widen AGENT_LAUNCHER_PROJECT_ROOTS.",
  secret_missing: "Put the secret on the launcher's machine, where the blueprint says, then retry.",
  sandbox_unavailable: "Nothing ran. Make the sandbox work on the launcher's machine (agent-launcher doctor), then retry.",
  unwitnessed: "Its command ended without running the agent. The log shows what it did instead.",
  exit_status_only: "Its ao-start leaves no note about its agent; the one that comes with the product does.",
  verification_failed: "What proves its work done still fails; its output stands above. Go on with a message.",
  output_invalid: "Its answer has not the shape that was asked for. Ask more exactly.",
  empty_result: "It ended without an answer. Retry, or ask more exactly.",
  cleanup_incomplete: "Processes of it are still alive on the launcher's machine; the error names them.",
  internal_error: "This is a mistake of ours. The runtime's log has the cause.",
};

const HELP_AT_WORK = {
  stalled: "It may still wait for something that comes. Look at what it did last; stop it if that is wrong.",
};

const WAITS = {
  no_launcher: "No launcher is alive",
  no_matching_launcher: "No launcher fits",
  no_client: "No launcher has the agent's program",
  session_busy: "Waits for its turn in the session",
  not_answered: "Waits for an answer to what it asked",
  no_free_slot: "All slots are taken",
  agent_limit: "Its agent runs as many as it may",
  not_before: "Waits for its time",
  held: "Held",
  quota_held: "Its account's limit is used up",
  launcher_short_of_memory: "The launcher is short of memory",
  launcher_overloaded: "The launcher's machine is busy",
  launcher_not_answering: "The launcher does not answer (frozen, or cut off?)",
  launcher_cannot_start_jobs: "The launcher cannot start jobs (full disk?)",
};

// These wait for nothing but a launcher that is there: the order in which they stand is the order in which they run.
export const IN_LINE = new Set([
  "no_free_slot", "agent_limit", "launcher_short_of_memory", "launcher_overloaded", "launcher_cannot_start_jobs", "launcher_not_answering",
]);

/** What helps where a session or a job has failed or stands still; empty when there is nothing more to say. */
export const helpFor = ({ status, reason }) => (status === "running" ? HELP_AT_WORK : HELP)[reason] ?? "";

/** Whether it is at work and gives no sign of life. */
export const isStalled = ({ status, reason }) => status === "running" && reason === "stalled";

/** Whether a session has asked something that is still open; others that need input have ended their turn. */
export const hasQuestion = ({ status, reason }) => status === "waiting_input" && reason === "not_answered";

/** Whether somebody holds a job; only one that waits has such a reason. */
export const isHeld = (job) => job.status === "pending" && job.reason === "held";

/** Whether it can be held: it waits, and not behind another one of its session. */
export const canBeHeld = (job) => job.status === "pending" && !["held", "session_busy", "not_answered"].includes(job.reason);

/** Why a job waits, in a few words. */
export const waitWords = (reason) => WAITS[reason] ?? (reason ? reason.replaceAll("_", " ") : "Waits for a launcher");

const WORDS = {
  nonzero_exit: "ended with an error",
  signal: "killed by a signal",
  timed_out: "time limit reached",
  output_limit: "too much output",
  shim_died: "its keeper was killed",
  host_rebooted: "the machine restarted",
  launcher_lost: "its launcher did not come back",
  backend_missing: "the agent is not installed there",
  backend_auth: "the agent is not logged in there",
  quota_exhausted: "usage limit reached",
  rate_limited: "asked to slow down",
  model_overloaded: "the model's service was overloaded",
  model_unreachable: "the model's service could not be reached",
  budget_exceeded: "budget reached",
  context_overflow: "conversation too long",
  project_dir_refused: "folder not allowed there",
  secret_missing: "a secret is missing there",
  sandbox_unavailable: "no sandbox there",
  verification_failed: "verification failed",
  output_invalid: "not the shape that was asked for",
  empty_result: "no answer",
  unwitnessed: "the agent was not run to its end",
  exit_status_only: "by its exit status only",
  stopped_by_user: "stopped by a person",
  stopped_by_parent: "stopped by its parent",
};

/** A reason code as words. */
export const reasonWords = (reason) => WORDS[reason] ?? (reason ? reason.replaceAll("_", " ") : "");

const CALLBACK_WORDS = {
  child_at_work: "the child is at work",
  waits_for_group: "waits for the others of its group",
  parent_busy: "this session is busy",
  parent_waits_for_input: "this session waits for an answer",
  parent_resumed: "this session was resumed with it",
  read_by_parent: "it was read before",
  group_satisfied: "its group was decided without it",
};

/** Why the news of a child stands where it stands. */
export const callbackWords = (reason) => CALLBACK_WORDS[reason] ?? reason.replaceAll("_", " ");
