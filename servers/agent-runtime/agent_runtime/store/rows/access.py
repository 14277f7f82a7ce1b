"""Credentials, launchers' owners and the audit in the database."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, select, update

from agent_runtime.domain.ids import LauncherId
from agent_runtime.services.ports.access import AuditEntry, Credential, CredentialKind
from agent_runtime.store.statements import Channel, Record, inserting, inserting_once
from agent_runtime.store.tables.access import audit, credentials, launcher_owners
from agent_runtime.store.tables.columns import Moment

_AUDIT_COLUMNS = tuple(field.name for field in fields(AuditEntry) if field.name != "seq")


class AccessTable:
    """Implements `ports.access.AccessRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._credential = Record(Credential, credentials, channel.dialect, kind=CredentialKind)
        self._entry = Record(AuditEntry, audit, channel.dialect)

    def insert(self, credential: Credential) -> None:
        names = [column.name for column in self._credential.columns]
        statement = self._channel.prepare("credential insert", lambda: inserting(credentials, names))
        self._channel.run(statement, self._credential.write(credential))

    def by_hash(self, kind: CredentialKind, secret_hash: str) -> Credential | None:
        statement = self._channel.prepare(
            "credential by hash",
            lambda: select(*self._credential.columns).where(
                credentials.c.secret_hash == bindparam("hash"), credentials.c.kind == bindparam("of_kind")
            ),
        )
        row = self._channel.first(statement, {"hash": secret_hash, "of_kind": kind})
        return None if row is None else self._credential.read(row)

    def tokens(self) -> Sequence[Credential]:
        statement = self._channel.prepare(
            "credential tokens",
            lambda: (
                select(*self._credential.columns)
                .where(credentials.c.kind == CredentialKind.TOKEN.value)
                .order_by(credentials.c.id)
            ),
        )
        return [self._credential.read(row) for row in self._channel.rows(statement, {})]

    def end(self, credential_id: str, now: datetime) -> bool:
        moment = bindparam("now", type_=Moment())
        statement = self._channel.prepare(
            "credential end",
            lambda: (
                update(credentials)
                .where(
                    credentials.c.id == bindparam("of_id"),
                    credentials.c.ended_at.is_(None),
                    (credentials.c.expires_at.is_(None)) | (credentials.c.expires_at > moment),
                )
                .values(ended_at=bindparam("ended", type_=Moment()))
            ),
        )
        return self._channel.run(statement, {"of_id": credential_id, "now": now, "ended": now}) == 1

    def shorten(self, credential_id: str, expires_at: datetime) -> None:
        statement = self._channel.prepare(
            "credential shorten",
            lambda: (
                update(credentials)
                .where(credentials.c.id == bindparam("of_id"))
                .values(expires_at=bindparam("moment", type_=Moment()))
            ),
        )
        self._channel.run(statement, {"of_id": credential_id, "moment": expires_at})

    def forget_ended(self, before: datetime) -> None:
        moment = bindparam("before", type_=Moment())
        statement = self._channel.prepare(
            "credential forget",
            lambda: delete(credentials).where(
                and_(
                    credentials.c.kind != CredentialKind.TOKEN.value,
                    (credentials.c.ended_at < moment) | (credentials.c.expires_at < moment),
                )
            ),
        )
        self._channel.run(statement, {"before": before})

    def owner(self, launcher_id: LauncherId) -> str | None:
        statement = self._channel.prepare(
            "launcher owner",
            lambda: select(launcher_owners.c.owner).where(launcher_owners.c.launcher_id == bindparam("of_id")),
        )
        row = self._channel.first(statement, {"of_id": launcher_id})
        return None if row is None else str(row[0])

    def own(self, launcher_id: LauncherId, owner: str) -> None:
        names = ("launcher_id", "owner")
        statement = self._channel.prepare(
            "launcher own", lambda: inserting_once(launcher_owners, names, self._channel.dialect)
        )
        self._channel.run(statement, {"launcher_id": launcher_id, "owner": owner})

    def record(self, entries: Sequence[AuditEntry]) -> None:
        statement = self._channel.prepare("audit insert", lambda: inserting(audit, _AUDIT_COLUMNS))
        for entry in entries:
            self._channel.run(statement, {name: getattr(entry, name) for name in _AUDIT_COLUMNS})

    def audited(self, before: int | None, limit: int) -> Sequence[AuditEntry]:
        question = select(*self._entry.columns).order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            question = question.where(audit.c.seq < before)
        return [self._entry.read(row) for row in self._channel.ask(question)]
