"""A one-job launcher: by it a job typed by a person is as visible, stoppable and truthful as one from the queue."""

import os
import platform
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_client.backoff import Backoff
from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.launcher_calls import Attempt, Registration
from runtime_client.models import ClaimedJob, Job, JobOrder
from runtime_client.wire import Json, JsonObject

NAME = "ao-start"
EXCUSE = "a command in the foreground runs only its own job"


@dataclass(frozen=True)
class Report:
    """How the one job ended, as the runtime is to record it.

    Shape:   `verb` is `completed`, `failed` or `stopped`.
    """

    verb: str
    facts: JsonObject


class ForegroundLauncher:
    """Registers, takes its own job and no other, keeps in touch while it runs, reports, and leaves.

    `on_stop` is called, from another thread and at most once, when the runtime asks for the job to be stopped.
    """

    def __init__(self, client: RuntimeClient, on_stop: Callable[[], None], warn: Callable[[str], None]) -> None:
        self._client = client
        self._on_stop = on_stop
        self._warn = warn
        self._over = threading.Event()
        self._stop_told = threading.Event()
        self._registration: Registration | None = None
        self._attempt: Attempt | None = None
        self._threads: list[threading.Thread] = []

    def submit(self, order: JobOrder) -> Job:
        """Register, and create the job that only this launcher may take.

        Errors:  RuntimeClientError.
        """
        self._registration = self._client.launcher.register(introduction(None, None))
        return self._client.create_job(replace(order, launcher_id=self._registration.launcher_id))
