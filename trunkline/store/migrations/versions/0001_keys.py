"""Provider keys, gateway keys, the generation counter and the versions of the master key."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    state = op.create_table(
        "store_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(state, [{"id": 1, "generation": 0}])
    op.create_table(
        "key_versions",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "provider_keys",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(150), nullable=False),
        sa.Column("provider", sa.String(150), nullable=False),
        sa.Column("provider_name", sa.String(150), nullable=False),
        sa.Column("name", sa.String(150)),
        sa.Column("api_key", sa.Text),
        sa.Column("headers", sa.Text),
        sa.Column("configuration", sa.Text),
        sa.Column("base_url", sa.Text),
        sa.Column("auth_config", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(150), nullable=False),
        sa.Column("last_updated_at", sa.String(32), nullable=False),
        sa.Column("last_updated_by", sa.String(150), nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace", "provider", "provider_name", name="uq_provider_keys_workspace_provider"),
    )
    op.create_index("ix_provider_keys_changed", "provider_keys", ["changed"])
    op.create_table(
        "gateway_keys",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(150), nullable=False),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("expires_at", sa.Float(53)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("last_updated_at", sa.String(32), nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("hash", name="uq_gateway_keys_hash"),
    )
    op.create_index("ix_gateway_keys_changed", "gateway_keys", ["changed"])
