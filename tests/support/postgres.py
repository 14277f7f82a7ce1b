"""A PostgreSQL server of the tests' own: on a private socket, in a temporary folder, ended with the tests.

`ensure_postgres` finds the programs, or installs them from the distribution's packages. The server runs as a user
without rights, because it refuses to run as root.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from support import distribution
from support.waiting import wait_until

_PLACES = "/usr/lib/postgresql/*/bin"
_SETTINGS = """
listen_addresses = ''
max_connections = 200
shared_buffers = 128MB
{durability}
autovacuum_naptime = 5s
log_min_messages = warning
"""
_USER = "postgres"
# Without its triggers a table may be emptied before those that refer to it.
_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$;
"""


class NoPostgresError(RuntimeError):
    """The server's programs are not here; the text says what to do."""


def ensure_postgres() -> Path:
    """Find the folder of the server's programs; install them if they are missing and we may.

    Errors: NoPostgresError.
    """
    found = _programs()
    if found is None:
        distribution.install("postgresql")
        found = _programs()
    if found is None:
        raise NoPostgresError(
            "cannot test with PostgreSQL: no 'initdb' in '/usr/lib/postgresql/*/bin' or on PATH "
            "(install it, on Debian with: apt-get install postgresql)"
        )
    return found


def _programs() -> Path | None:
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*newest_first, *([Path(on_path).parent] if on_path else [])]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


@dataclass(frozen=True)
class Cluster:
    """A server that can be stopped, killed and started again; what it has acknowledged survives all of them."""

    programs: Path
    folder: Path
    numbers: Iterator[int]

    @property
    def data(self) -> Path:
        """Where its files lie."""
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """Where a database of it is reached."""
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Begin to answer."""
        self._control("start", "-o", f"-k {self.folder}", "-l", str(self.folder / "server.log"))

    def stop(self, mode: str = "fast") -> None:
        """End: `fast` in order, `immediate` as in a power cut."""
        self._control("stop", "-m", mode)

    def new_database(self, template: str | None = None, place: str | None = None) -> str:
        """Make a database, a copy of another one and in a place of its own if these are named, and give its URL."""
        name = f"test_{next(self.numbers)}"
        copy = f" TEMPLATE {template}" if template is not None else ""
        where = f" TABLESPACE {place}" if place is not None else ""
        self.do(f"CREATE DATABASE {name}{copy}{where}")
        return self.url(name)

    def own(self, folder: Path, name: str) -> None:
        """Make a folder, with the disk that is there, a place for databases."""
        if os.geteuid() == 0:
            os.chown(folder, _owner().pw_uid, _owner().pw_gid)
        self.do(f"CREATE TABLESPACE {name} LOCATION '{folder}'")

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected."""
        self.do(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    def empty_database(self, url: str) -> None:
        """Remove all rows that were written since it was made, whoever is connected; quicker than a new database."""
        self.end_all_connections(name_of(url))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_EMPTY)

    @contextmanager
    def waiting_for_standby(self, name: str) -> Iterator[None]:
        """Let every commit wait until the standby of this name has it too."""
        self.configure("synchronous_standby_names", name)
        try:
            wait_until(self._a_commit_waits, "the server has heard that commits wait")
            yield
        finally:
            self.configure("synchronous_standby_names", "")

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the server that runs."""
        self.do(f"ALTER SYSTEM SET {name} = '{value}'")
        self._control("reload")

    def begin_another_history(self) -> None:
        """Die, and come back as a standby that takes over does: with the same data, on a timeline of its own."""
        self.stop("immediate")
        (self.data / "recovery.signal").touch()
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("restore_command = 'false'\n")
        self.start()
        wait_until(lambda: self._number("pg_is_in_recovery()::int") == 0, "it takes writes")

    def standby(self, folder: Path) -> "Cluster":
        """Make a copy of this server that follows it; it is not started yet."""
        copy = Cluster(self.programs, folder, self.numbers)
        source = ["-h", str(self.folder), "-U", _USER, "--checkpoint=fast", "--no-sync", "--write-recovery-conf"]
        run_unprivileged([str(self.programs / "pg_basebackup"), "-D", str(copy.data), *source], folder)
        return copy

    def promote(self) -> None:
        """Take over from the server that this one has followed."""
        self._control("promote")

    def do(self, command: str, database: str = "postgres") -> None:
        """Run one command as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(command.encode())

    def end_all_connections(self, database: str) -> int:
        """Cut every connection to a database, and tell how many there were."""
        others = f"datname = '{database}' AND pid <> pg_backend_pid()"
        return self._number(f"count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}")

    def commits_that_wait(self) -> int:
        """Tell how many wait for a standby."""
        return self._number("count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    def cancel_commits_that_wait(self) -> int:
        """Let nobody wait for a standby any longer, and tell how many there were."""
        return self._number("count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    def _a_commit_waits(self) -> bool:
        """Try a commit, which is given up if it waits."""
        with closing(psycopg.connect(self.url(), autocommit=True)) as probe:
            probe.pgconn.send_query(b"SELECT pg_logical_emit_message(true, 'probe', '')")
            mine = f"FROM pg_stat_activity WHERE pid = {probe.info.backend_pid}"
            at_rest = f"count(*) {mine} AND (state = 'idle' OR wait_event = 'SyncRep')"
            wait_until(lambda: self._number(at_rest), "the commit is over or waits")
            waits = self._number(f"count(pg_cancel_backend(pid)) {mine} AND wait_event = 'SyncRep'") > 0
            if waits:
                probe.pgconn.get_result()
            return waits

    def _number(self, what: str) -> int:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            row = connection.execute(f"SELECT {what}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _control(self, *arguments: str) -> None:
        command = [str(self.programs / "pg_ctl"), "-D", str(self.data), "-w", "-s", *arguments]
        run_unprivileged(command, self.folder)


def name_of(url: str) -> str:
    """The database's name in a URL of `Cluster.url`."""
    return url.partition("@/")[2].partition("?")[0]


def run_unprivileged(command: list[str], folder: Path) -> None:
    """Run a program of the server's, as somebody whom it accepts."""
    identity = {} if os.geteuid() != 0 else {"user": _owner().pw_uid, "group": _owner().pw_gid, "extra_groups": []}
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **identity,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _owner() -> pwd.struct_passwd:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get(_USER) or names["nobody"]


# A killed server loses nothing of what the machine, which goes on, has taken from it; only a power cut would tell.
_FOR_TESTS = "fsync = off"
_AS_IN_USE = "fsync = on"


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the server's user may write, gone with all that is in it when it is over."""
    # Not below the tests' own folders: a socket's path may have about a hundred characters, and others may not enter.
    folder = Path(tempfile.mkdtemp(prefix="ao-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, _owner().pw_uid, _owner().pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(cluster: Cluster) -> Iterator[Cluster]:
    cluster.start()
    try:
        yield cluster
    finally:
        if (cluster.data / "postmaster.pid").exists():
            cluster.stop("immediate")


@contextmanager
def running_cluster(*, as_in_use: bool = False) -> Iterator[Cluster]:
    """A fresh server; when it is over, nothing of it is left."""
    programs = ensure_postgres()
    with _folder() as folder:
        cluster = Cluster(programs, folder, count(1))
        make = [
            str(programs / "initdb"),
            "-D",
            str(cluster.data),
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        run_unprivileged([*make, "--locale=C"], folder)
        with (cluster.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(durability=_AS_IN_USE if as_in_use else _FOR_TESTS))
        with _started(cluster):
            yield cluster


@contextmanager
def running_pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A server and a standby, without which it acknowledges nothing."""
    with running_cluster() as primary, _folder() as folder, _started(primary.standby(folder)) as standby:
        primary.configure("synchronous_standby_names", "*")
        yield primary, standby


def wait_until_it_answers(cluster: Cluster) -> None:
    """Wait until a started server takes connections."""

    def answers() -> bool:
        try:
            cluster.do("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    wait_until(answers, "PostgreSQL answers")
