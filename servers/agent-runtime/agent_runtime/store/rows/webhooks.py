"""The webhooks and their deliveries in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ClauseElement, ColumnElement, bindparam, delete, func, literal_column, null, select, update

from agent_runtime.domain.event import Event, NewEvent
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import Delivery, DeliveryId, DeliveryStatus, News, Webhook, WebhookFormat
from agent_runtime.services.ports.webhooks import DeliveryChanges, DeliveryFilter
from agent_runtime.store.rows.locks import take_lock
from agent_runtime.store.statements import Channel, Record, Row, inserting, inserting_once
from agent_runtime.store.tables.columns import Moment, moment
from agent_runtime.store.tables.sessions import events, sessions
from agent_runtime.store.tables.webhooks import deliveries, webhooks


class WebhookTable:
    """Implements `ports.webhooks.WebhookRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._webhook = Record(Webhook, webhooks, channel.dialect, format=WebhookFormat)
        self._record = Record(Delivery, deliveries, channel.dialect, news=News, status=DeliveryStatus)
        self._event = Record(NewEvent, events, channel.dialect)

    def lock(self) -> None:
        take_lock(self._channel, "webhooks made")

    def insert(self, webhook: Webhook) -> None:
        names = [column.name for column in self._webhook.columns]
        statement = self._channel.prepare("webhook insert", lambda: inserting(webhooks, names))
        self._channel.run(statement, self._webhook.write(webhook))

    def get(self, name: str) -> Webhook | None:
        statement = self._channel.prepare(
            "webhook get", lambda: select(*self._webhook.columns).where(webhooks.c.name == bindparam("of_name"))
        )
        row = self._channel.first(statement, {"of_name": name})
        return None if row is None else self._webhook.read(row)

    def all(self) -> Sequence[Webhook]:
        statement = self._channel.prepare(
            "webhooks all", lambda: select(*self._webhook.columns).order_by(webhooks.c.name)
        )
        return [self._webhook.read(row) for row in self._channel.rows(statement, {})]

    def move(self, name: str, through_seq: int) -> None:
        statement = self._channel.prepare(
            "webhook move",
            lambda: (
                update(webhooks)
                .where(webhooks.c.name == bindparam("of_name"))
                .values(through_seq=bindparam("through", type_=webhooks.c.through_seq.type))
            ),
        )
        self._channel.run(statement, {"of_name": name, "through": through_seq})

    def remove(self, name: str) -> None:
        for table, column in ((deliveries, deliveries.c.webhook_name), (webhooks, webhooks.c.name)):
            statement = self._channel.prepare(
                ("webhook remove", table.name),
                lambda table=table, column=column: delete(table).where(column == bindparam("of_name")),  # type: ignore[misc]
            )
            self._channel.run(statement, {"of_name": name})

    def events(self, after: int, through: int, types: Sequence[str]) -> Sequence[Event]:
        statement = self._channel.prepare(
            ("webhook events", *types),
            lambda: (
                select(events.c.seq, *self._event.columns)
                .where(
                    events.c.seq > bindparam("after"),
                    events.c.seq <= bindparam("through"),
                    events.c.type.in_([literal_column(f"'{one}'") for one in types]),
                )
                .order_by(events.c.seq)
            ),
        )
        rows = self._channel.rows(statement, {"after": after, "through": through})
        return [Event(_number(row[0]), self._event.read(row[1:])) for row in rows]

    def is_followed(self, event: Event, types: Sequence[str]) -> bool:
        statement = self._channel.prepare(
            ("webhook followed", *types),
            lambda: (
                select(events.c.seq)
                .where(
                    events.c.seq > bindparam("after"),
                    events.c.root_session_id == bindparam("of_root"),
                    events.c.type.in_([literal_column(f"'{one}'") for one in types]),
                )
                .limit(1)
            ),
        )
        values = {"after": event.seq, "of_root": event.new.root_session_id}
        return self._channel.first(statement, values) is not None

    def count_tree(self, root_session_id: SessionId) -> Mapping[SessionStatus, int]:
        statement = self._channel.prepare(
            "webhook tree",
            lambda: (
                select(sessions.c.status, func.count())
                .where(sessions.c.root_session_id == bindparam("of_root"))
                .group_by(sessions.c.status)
            ),
        )
        rows = self._channel.rows(statement, {"of_root": root_session_id})
        return {SessionStatus(str(status)): _number(count) for status, count in rows}

    def add(self, delivery: Delivery) -> None:
        names = [column.name for column in self._record.columns]
        statement = self._channel.prepare(
            "delivery insert", lambda: inserting_once(deliveries, names, self._channel.dialect)
        )
        self._channel.run(statement, self._record.write(delivery))

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        statement = self._channel.prepare(
            "delivery get", lambda: select(*self._record.columns).where(deliveries.c.id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": delivery_id})
        return None if row is None else self._record.read(row)

    def due(self, name: str, now: datetime, limit: int) -> Sequence[Delivery]:
        statement = self._channel.prepare(
            "deliveries due",
            lambda: (
                select(*self._record.columns)
                .where(_is_pending_of(), deliveries.c.next_at <= bindparam("now", type_=Moment()))
                .order_by(deliveries.c.next_at, deliveries.c.id)
                .limit(bindparam("up_to"))
            ),
        )
        return self._read(self._channel.rows(statement, {"of_name": name, "now": now, "up_to": limit}))

    def next_due(self, name: str) -> datetime | None:
        statement = self._channel.prepare(
            "delivery next",
            lambda: select(deliveries.c.next_at).where(_is_pending_of()).order_by(deliveries.c.next_at).limit(1),
        )
        row = self._channel.first(statement, {"of_name": name})
        return None if row is None else moment(row[0])

    def change(self, delivery: Delivery, changes: DeliveryChanges) -> Delivery | None:
        names = tuple(sorted(changes))
        is_pending = delivery.next_at is not None
        statement = self._channel.prepare(
            ("delivery change", names, is_pending), lambda: self._update(names, is_pending=is_pending)
        )
        fence = {
            "of_id": delivery.id,
            "if_status": delivery.status,
            "if_attempts": delivery.attempts,
            "if_next": delivery.next_at,
        }
        row = self._channel.first(statement, {**changes, **fence})
        return None if row is None else self._record.read(row)

    def page(self, wanted: DeliveryFilter) -> Sequence[Delivery]:
        query = (
            select(*self._record.columns)
            .where(deliveries.c.webhook_name == wanted.webhook_name)
            .order_by(deliveries.c.id.desc())
            .limit(wanted.limit)
        )
        if wanted.before is not None:
            query = query.where(deliveries.c.id < wanted.before)
        if wanted.status is not None:
            query = query.where(deliveries.c.status == wanted.status)
        return self._read(self._channel.ask(query))

    def count_pending(self, name: str) -> int:
        statement = self._channel.prepare(
            "deliveries pending", lambda: select(func.count()).select_from(deliveries).where(_is_pending_of())
        )
        row = self._channel.first(statement, {"of_name": name})
        return 0 if row is None else _number(row[0])

    def forget(self, settled_before: datetime) -> int:
        old = deliveries.c.settled_at < bindparam("before", type_=Moment())
        statement = self._channel.prepare("deliveries forget", lambda: delete(deliveries).where(old))
        return self._channel.run(statement, {"before": settled_before})

    def _read(self, rows: Sequence[Row]) -> Sequence[Delivery]:
        return [self._record.read(row) for row in rows]

    def _update(self, names: Sequence[str], *, is_pending: bool) -> ClauseElement:
        values = {name: bindparam(name, type_=deliveries.c[name].type) for name in names}
        at = bindparam("if_next", type_=Moment())
        return (
            update(deliveries)
            .where(
                deliveries.c.id == bindparam("of_id"),
                deliveries.c.status == bindparam("if_status"),
                deliveries.c.attempts == bindparam("if_attempts"),
                deliveries.c.next_at == at if is_pending else deliveries.c.next_at.is_(null()),
            )
            .values(values)
            .returning(*self._record.columns)
        )


def _is_pending_of() -> ColumnElement[bool]:
    # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
    pending = deliveries.c.status == literal_column(f"'{DeliveryStatus.PENDING}'")
    return (deliveries.c.webhook_name == bindparam("of_name")) & pending


def _number(value: object) -> int:
    return int(str(value))
