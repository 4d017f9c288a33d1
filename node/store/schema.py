"""The tables. Ids and digests are raw bytes, chains and heights 64-bit integers; every amount of the ledger fits.

Everything but `votes`, `certified`, `outbox` progress and `latencies` follows from the batches' bodies.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

SCHEMA_VERSION: Final = 1

metadata = MetaData()

deployments = Table(
    "deployments",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("schema_version", Integer, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("batch_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("final_hub_block", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("batch", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)

account_versions = Table(
    "account_versions",
    metadata,
    Column("account", LargeBinary(32), primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("account", LargeBinary(32)),
    Column("attributes", JSON, nullable=False),
)
Index("events_by_account", events.c.account, events.c.sequence)

postings = Table(
    "postings",
    metadata,
    Column("account", LargeBinary(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("asset", String(64)),
    Column("instrument", String(64)),
    Column("message", LargeBinary(32)),
)

votes = Table(
    "votes",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False),
)

certified = Table(
    "certified",
    metadata,
    Column("batch_hash", LargeBinary(32), primary_key=True),
    Column("number", BigInteger, nullable=False, index=True),
    Column("previous_root", LargeBinary(32), nullable=False),
    Column("new_root", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", LargeBinary(32), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("action", JSON, nullable=False),
    Column("transaction_hash", LargeBinary, nullable=False, default=b""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("closed", Boolean, nullable=False, default=False, index=True),
)

latencies = Table(
    "latencies",
    metadata,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("certified_ms", Float, nullable=False),
    Column("final_ms", Float, nullable=False),
)
