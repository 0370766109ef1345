"""The tables. A change here needs a migration in `migrations/versions` and the new `engine.HEAD`; a test keeps them equal.

Two things are odd. Every row carries `changed`, the generation of its last change: a reader that has seen generation N
asks for what came after. And what a customer typed (keys, headers, base URLs) is sealed text, opaque to SQL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

store_state = Table(
    "store_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),
)
"""One row, id 1. Each writing transaction adds one to `generation` first, which also queues the writers."""

key_versions = Table(
    "key_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key_id", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
)
"""The master keys this database was sealed under, the highest version being the one in use. Never the keys themselves."""

provider_keys = Table(
    "provider_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("workspace", String(150), nullable=False),
    Column("provider", String(150), nullable=False),
    Column("provider_name", String(150), nullable=False),
    Column("name", String(150)),
    Column("api_key", Text),
    Column("headers", Text),
    Column("configuration", Text),
    Column("base_url", Text),
    Column("auth_config", Text),
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(150), nullable=False),
    Column("last_updated_at", String(32), nullable=False),
    Column("last_updated_by", String(150), nullable=False),
    Column("changed", BigInteger, nullable=False),
    UniqueConstraint("workspace", "provider", "provider_name", name="uq_provider_keys_workspace_provider"),
    Index("ix_provider_keys_changed", "changed"),
)
"""`provider_name` is "" for the kinds that have none, so that the unique constraint holds for them too."""

gateway_keys = Table(
    "gateway_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("workspace", String(150), nullable=False),
    Column("name", String(150), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("models", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("expires_at", Float(53)),
    Column("created_at", String(32), nullable=False),
    Column("last_updated_at", String(32), nullable=False),
    Column("changed", BigInteger, nullable=False),
    UniqueConstraint("hash", name="uq_gateway_keys_hash"),
    Index("ix_gateway_keys_changed", "changed"),
)
