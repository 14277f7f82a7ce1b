"""The tables of parents and children: the callbacks, and what a session wishes as a parent."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from agent_runtime.store.tables.columns import Id, JsonText, Moment, metadata

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Id, primary_key=True),
    # Neither is a foreign key: news of a deleted child is still news, and what became of a deleted parent's is shown.
    Column("parent_session_id", Id, nullable=False),
    Column("parent_session_name", String(60), nullable=False),
    Column("child_session_id", Id, nullable=False),
    Column("child_session_name", String(60), nullable=False),
    Column("child_agent_name", Text, nullable=False),
    Column("job_id", Id, nullable=False),
    Column("round", Integer, nullable=False),
    Column("policy", String(16), nullable=False),
    Column("group_name", String(60)),
    Column("state", String(16), nullable=False),
    Column("state_reason", String(40)),
    Column("outcome", String(16)),
    Column("reason", String(40)),
    Column("error", Text),
    Column("result_excerpt", Text),
    Column("result_characters", BigInteger, nullable=False, server_default=text("0")),
    Column("delivery_job_id", Id),
    Column("created_at", Moment, nullable=False),
    Column("rested_at", Moment),
    Column("delivered_at", Moment),
    Column("settled_at", Moment),
    CheckConstraint("state IN ('pending','delivered','consumed','expired')", name="callback_state"),
    CheckConstraint("policy IN ('each','all','first','any_failed')", name="callback_policy"),
    CheckConstraint("(state IN ('consumed','expired')) = (settled_at IS NOT NULL)", name="callback_settled"),
    CheckConstraint("state != 'delivered' OR delivery_job_id IS NOT NULL", name="callback_delivered_by"),
    CheckConstraint("state NOT IN ('delivered','consumed') OR rested_at IS NOT NULL", name="callback_has_news"),
    CheckConstraint("(outcome IS NULL) = (rested_at IS NULL)", name="callback_outcome"),
    CheckConstraint("parent_session_id != child_session_id", name="callback_not_to_oneself"),
    # One coming to rest is one piece of news, whatever is repeated.
    Index("callbacks_once", "job_id", "round", unique=True),
    Index(
        "callbacks_unsettled",
        "parent_session_id",
        "id",
        sqlite_where=text("state != 'consumed'"),
        postgresql_where=text("state != 'consumed'"),
    ),
    Index(
        "callbacks_pending",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "callbacks_unrested",
        "child_session_id",
        sqlite_where=text("rested_at IS NULL"),
        postgresql_where=text("rested_at IS NULL"),
    ),
    Index("callbacks_by_child", "child_session_id", "id"),
    Index("callbacks_by_delivery", "delivery_job_id"),
    Index("callbacks_by_parent", "parent_session_id", "id"),
)

families = Table(
    "families",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("wait_for", String(16), nullable=False),
    Column("limits", JsonText, nullable=False),
    Column("exceeded", String(40)),
    Column("exceeded_at", Moment),
    CheckConstraint("wait_for IN ('nothing','children')", name="family_wait_for"),
    CheckConstraint("(exceeded IS NULL) = (exceeded_at IS NULL)", name="family_exceeded"),
)
