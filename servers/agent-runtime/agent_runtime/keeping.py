"""What a person does with the database from the command line: copy it, put a copy back, let go of what is old."""

import asyncio
import json
import os
import secrets
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

from agent_runtime.data_dir import DataDir
from agent_runtime.databases import chosen
from agent_runtime.domain.errors import Unusable
from agent_runtime.services.retention import Removed, Retention, prune
from agent_runtime.settings import Settings, UnusableSettingError
from agent_runtime.store.sqlite.copying import copy_database, restore_database

GIGABYTE = 10**9
_CALL_SECONDS = 600


def retention_of(settings: Settings) -> Retention:
    """Read from the settings what is kept, and for how long."""
    return Retention(
        timedelta(days=settings.keep_days) if settings.keep_days > 0 else None,
        int(settings.keep_gigabytes * GIGABYTE) if settings.keep_gigabytes > 0 else None,
    )


class DatabaseKeeper:
    """Implements `command_line.Keeper`."""

    def backup(self, settings: Settings, file: Path) -> str:
        """Copy the embedded database, also while a runtime uses it.

        Errors:  Unusable.
        """
        _refuse_shared(settings, "back up", "pg_dump")
        copy_database(DataDir(settings.data_dir).database, file)
        return f"written: {file} ({file.stat().st_size} bytes)"

    def restore(self, settings: Settings, file: Path) -> str:
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

    def prune(self, settings: Settings) -> str:
        """Let go of what is older or more than the settings keep.

        Errors:  Unusable; UnusableSettingError.
        """
        retention = retention_of(settings)
        data_dir = DataDir(settings.data_dir)
        try:
            data_dir.open()
        except UnusableSettingError:
            # A runtime has the folder. It is the one that writes, so it is asked.
            return _in_words(_ask_runtime(settings, data_dir.token(), retention))
        try:
            database = chosen(settings, data_dir)(secrets.token_bytes, lambda _news: None)
            try:
                removed = asyncio.run(prune(database.store, retention))
            finally:
                database.store.close()
        finally:
            data_dir.close()
        return _in_words(vars(removed))


def _refuse_shared(settings: Settings, what: str, instead: str) -> None:
    if settings.database_url is not None:
        raise Unusable("not_embedded", f"cannot {what} a PostgreSQL database from here (use {instead})")


def _ask_runtime(settings: Settings, token: str, retention: Retention) -> dict[str, int]:
    days = retention.age.total_seconds() / 86400 if retention.age is not None else None
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    request = urllib.request.Request(
        f"http://{host}:{settings.port}/prune",
        json.dumps({"older_than_days": days, "larger_than_bytes": retention.bytes_max}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    # No proxy: the runtime that has this folder is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_CALL_SECONDS) as answer:
            said = json.loads(answer.read())
    except (OSError, ValueError) as error:
        raise Unusable(
            "runtime_unreachable",
            f"cannot prune: a runtime uses the data folder '{settings.data_dir}', and asking it at port "
            f"{settings.port} failed: {error} (name its port with --port, or stop it)",
        ) from error
    return {name: int(said[name]) for name in vars(Removed())}


def _in_words(counts: dict[str, int]) -> str:
    return "removed: " + ", ".join(f"{count} {name}" for name, count in counts.items())
