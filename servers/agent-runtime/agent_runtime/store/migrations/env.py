"""What Alembic runs to apply the steps, on the connection that it was given."""

from alembic import context
from sqlalchemy import Connection

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
# The transaction is the caller's, around all steps together: an upgrade happens wholly or not at all.
context.configure(connection=connection, transactional_ddl=False)
context.run_migrations()
