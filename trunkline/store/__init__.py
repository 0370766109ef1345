"""Keys in SQL: provider keys (sealed) and gateway keys (hashed), on SQLite or PostgreSQL.

Importing this costs nothing; SQLAlchemy, Alembic and cryptography are imported by the first `Store.open`, which runs in a thread.
"""
