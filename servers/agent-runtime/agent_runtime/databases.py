"""Which database a runtime uses, and what of it the other parts need to know."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from agent_runtime.data_dir import DataDir
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.services.ports.store import Announcer, Store
from agent_runtime.services.retention import Retention
from agent_runtime.settings import Settings
from agent_runtime.store.clock import SystemClock
from agent_runtime.store.sqlite.opening import open_sqlite
from agent_runtime.store.sqlite.store import SqliteStore

GIGABYTE = 10**9


class OpenStore(Store, Protocol):
    """A store that somebody must close."""

    def close(self) -> None:
        """Finish what was accepted."""


@dataclass(frozen=True)
class Database:
    """An open store, and how it is called.

    Shape:   `watch` follows what other runtimes do, where there may be others; `path` is that of a file; `trouble`
             tells why nothing can be written at the moment, for a store whose reads go on then.
    """

    store: OpenStore
    engine: str
    version: str
    path: Path | None = None
    watch: Callable[[], Awaitable[None]] | None = None
    trouble: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class Secrets:
    """What callers prove themselves with."""

    token: str
    session_key: bytes


OpenDatabase = Callable[[RandomBytes, Announcer], Database]


def embedded(path: Path) -> OpenDatabase:
    """Use a file of this machine, made fit for use when it is opened."""

    def open_it(random_bytes: RandomBytes, announce: Announcer) -> Database:
        store = open_sqlite(path, SystemClock(), random_bytes, announce)
        return Database(store, "sqlite", sqlite3.sqlite_version, path, trouble=lambda: store.trouble.now)

    return open_it


def unopened(path: Path) -> OpenDatabase:
    """Name a file that is never opened: for who only wants to know the routes."""

    def name_it(random_bytes: RandomBytes, announce: Announcer) -> Database:
        return Database(
            SqliteStore(path, SystemClock(), random_bytes, announce), "sqlite", sqlite3.sqlite_version, path
        )

    return name_it


def shared(url: str) -> OpenDatabase:
    """Use a PostgreSQL database, perhaps together with other runtimes."""

    # Its driver takes a tenth of a start's time, and most runtimes have a file.
    from agent_runtime.store.postgres.opening import open_postgres, server_version

    def open_it(random_bytes: RandomBytes, announce: Announcer) -> Database:
        store = open_postgres(url, random_bytes, announce)
        return Database(store, "postgresql", server_version(url), watch=store.watch, trouble=lambda: store.trouble.now)

    return open_it


def chosen(settings: Settings, data_dir: DataDir) -> OpenDatabase:
    """Use what the settings say."""
    return embedded(data_dir.database) if settings.database_url is None else shared(settings.database_url)


def secrets_of(settings: Settings, data_dir: DataDir) -> Secrets:
    """Read the secrets of the data folder; runtimes of one database agree on those of the first of them.

    The folder's token is what clients of this machine find without being told, so the agreed one is written there.
    The database must have been made fit for use before.
    """
    url = settings.database_url
    if url is None:
        return Secrets(data_dir.token(), data_dir.session_key())
    from agent_runtime.store.postgres.opening import shared_secret

    token = shared_secret(url, "token", data_dir.token)
    data_dir.keep_token(token)
    key = shared_secret(url, "session-key", lambda: data_dir.session_key().decode())
    return Secrets(token, key.encode())


def retention_of(settings: Settings) -> Retention:
    """Read from the settings what is kept, and for how long."""
    return Retention(
        timedelta(days=settings.keep_days) if settings.keep_days > 0 else None,
        int(settings.keep_gigabytes * GIGABYTE) if settings.keep_gigabytes > 0 else None,
    )
