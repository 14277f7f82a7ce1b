"""Why a turn is not even begun."""

from agent_backends.protocol import Ending, Outcome
from runtime_client.reasons import Reason


class CannotRunError(Exception):
    """The turn cannot run on this machine.

    Shape:   `outcome` says why, as the job's outcome.
    """

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = Outcome(Ending.FAILED, reason=reason, error=sentence)
