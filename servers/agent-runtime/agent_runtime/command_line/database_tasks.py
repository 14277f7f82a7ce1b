"""What a person does with the database from the command line: copy it, put a copy back, let go of what is old."""

import os
from pathlib import Path

from agent_runtime.command_line.running_runtime import RunningRuntime, ask_or_open
from agent_runtime.data_dir import DataDir
from agent_runtime.databases import OpenStore, retention_of
from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.json import JsonObject
from agent_runtime.services.retention import Removed
from agent_runtime.services.retention import prune as prune_store
from agent_runtime.settings import Settings
from agent_runtime.store.sqlite.copying import copy_database, restore_database

_SECONDS_OF_DAY = 86_400


def backup(settings: Settings, file: Path) -> str:
    """Copy the embedded database, also while a runtime uses it.

    Errors:  Unusable.
    """
    _refuse_shared(settings, "back up", "pg_dump")
    copy_database(DataDir(settings.data_dir).database, file)
    return f"written: {file} ({file.stat().st_size} bytes)"


def restore(settings: Settings, file: Path) -> str:
    """Put a copy in the place of the embedded database; no runtime may use it.

    Errors:  Unusable; UnusableSettingError while a runtime uses it.
    """
    _refuse_shared(settings, "restore", "pg_restore")
    os.umask(0o077)
    data_dir = DataDir(settings.data_dir)
    data_dir.open()
    try:
        replaced = restore_database(file, data_dir.database)
    finally:
        data_dir.close()
    kept = f"; the old one is '{replaced}'" if replaced is not None else ""
    return f"restored: {data_dir.database} from '{file}'{kept}"


def prune(settings: Settings) -> str:
    """Let go of what is older or more than the settings keep.

    Errors:  Unusable; UnusableSettingError.
    """
    retention = retention_of(settings)
    age = retention.age

    def ask(runtime: RunningRuntime) -> str:
        days = age.total_seconds() / _SECONDS_OF_DAY if age is not None else None
        removed = runtime.call("POST", "/prune", {"older_than_days": days, "larger_than_bytes": retention.bytes_max})
        return _in_words({name: removed[name] for name in vars(Removed())})

    async def work(store: OpenStore) -> str:
        return _in_words(vars(await prune_store(store, retention)))

    return ask_or_open(settings, ask, work)


def _refuse_shared(settings: Settings, what: str, instead: str) -> None:
    if settings.database_url is not None:
        raise Unusable("not_embedded", f"cannot {what} a PostgreSQL database from here (use {instead})")


def _in_words(counts: JsonObject) -> str:
    too_many = counts["bytes_too_many"]
    removed = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "bytes_too_many")
    left = (
        f"\nstill {too_many} bytes more than wanted: sessions, their newest jobs and what is young or not over stay "
        "(delete sessions to get there)"
    )
    return f"removed: {removed}{left if too_many else ''}"
