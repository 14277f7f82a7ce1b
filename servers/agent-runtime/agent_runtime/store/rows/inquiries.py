"""What launchers are asked about folders, in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, literal_column, select, update

from agent_runtime.domain.ids import InquiryId, LauncherId
from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.domain.json import JsonObject
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.columns import json_value
from agent_runtime.store.tables.inquiries import inquiries


class InquiryTable:
    """Implements `ports.inquiries.InquiryRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Inquiry, inquiries, channel.dialect)

    def insert(self, inquiry: Inquiry) -> None:
        names = [column.name for column in self._record.columns]
        insert = self._channel.prepare("inquiry insert", lambda: inserting(inquiries, names))
        self._channel.run(insert, self._record.write(inquiry))

    def take(self, launcher_id: LauncherId) -> Sequence[Inquiry]:
        statement = self._channel.prepare(
            "inquiry take",
            lambda: (
                update(inquiries)
                .where(_is_for(), inquiries.c.is_given.is_(False))
                .values(is_given=literal_column("true"))
                .returning(*self._record.columns)
            ),
        )
        rows = self._channel.rows(statement, {"of_launcher": launcher_id})
        return sorted((self._record.read(row) for row in rows), key=lambda one: one.id)

    def count(self, launcher_id: LauncherId) -> int:
        statement = self._channel.prepare(
            "inquiry count", lambda: select(func.count()).select_from(inquiries).where(_is_for())
        )
        row = self._channel.first(statement, {"of_launcher": launcher_id})
        return 0 if row is None else int(str(row[0]))

    def answer(self, inquiry_id: InquiryId, launcher_id: LauncherId, answer: JsonObject) -> bool:
        statement = self._channel.prepare(
            "inquiry answer",
            lambda: (
                update(inquiries)
                .where(_is_of(), _is_for())
                .values(answer=bindparam("given", type_=inquiries.c.answer.type))
            ),
        )
        return self._channel.run(statement, {"of_id": inquiry_id, "of_launcher": launcher_id, "given": answer}) > 0

    def answer_of(self, inquiry_id: InquiryId) -> "JsonObject | None":
        statement = self._channel.prepare("inquiry read", lambda: select(inquiries.c.answer).where(_is_of()))
        row = self._channel.first(statement, {"of_id": inquiry_id})
        answer = None if row is None or row[0] is None else json_value(row[0])
        return answer if isinstance(answer, dict) else None

    def remove(self, inquiry_id: InquiryId) -> None:
        statement = self._channel.prepare("inquiry remove", lambda: delete(inquiries).where(_is_of()))
        self._channel.run(statement, {"of_id": inquiry_id})

    def remove_before(self, moment: datetime) -> None:
        statement = self._channel.prepare(
            "inquiry prune",
            lambda: delete(inquiries).where(
                inquiries.c.asked_at < bindparam("moment", type_=inquiries.c.asked_at.type)
            ),
        )
        self._channel.run(statement, {"moment": moment})


def _is_of() -> ColumnElement[bool]:
    return inquiries.c.id == bindparam("of_id")


def _is_for() -> ColumnElement[bool]:
    return inquiries.c.launcher_id == bindparam("of_launcher")
