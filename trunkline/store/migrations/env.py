"""What Alembic runs: every migration on the connection it was given, inside the transaction that is already open there."""

from alembic import context

from trunkline.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
