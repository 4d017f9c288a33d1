"""The connection to the database: one transaction per call, durable once it returns.

SQLite runs in WAL mode, so that readers never wait for the writer, and syncs fully on commit: a vote that was
sent must survive a loss of power, or the validator might sign twice.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from circuits.transcript import Deployment
from node.store import schema
from node.store.errors import WrongDeployment, WrongSchema


class Database:
    """The store of one node for one deployment. Thread-safe; one process writes at a time."""

    def __init__(self, url: str | URL, deployment: Deployment) -> None:
        """Opens the database at an SQLAlchemy URL (`sqlite:///ledger.db`), creating the tables it lacks.

        Raises:
            WrongDeployment: it holds another clearing house's batches.
            WrongSchema: it was written by another version of this package.
        """
        self.deployment = deployment
        parsed = make_url(url)
        self._is_memory = parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")
        self._engine = _engine(parsed, self._is_memory)
        self._lock = threading.RLock()
        schema.metadata.create_all(self._engine)
        self._claim()

    def close(self) -> None:
        """Gives up all connections."""
        self._engine.dispose()

    def _claim(self) -> None:
        own = self.deployment.digest
        with self._writing() as connection:
            row = connection.execute(select(schema.deployments)).first()
            if row is None:
                values = {"digest": own, "schema_version": schema.SCHEMA_VERSION}
                connection.execute(insert(schema.deployments).values(values))
                return
        if row.schema_version != schema.SCHEMA_VERSION:
            raise WrongSchema(row.schema_version, schema.SCHEMA_VERSION)
        if row.digest != own:
            raise WrongDeployment(row.digest, own)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A consistent view. In memory there is but one connection, so readers take turns with the writer."""
        if self._is_memory:
            with self._writing() as connection:
                yield connection
            return
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start and leaves nothing behind if it fails."""
        with self._lock, self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection


def _engine(url: URL, is_memory: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, isolation_level="REPEATABLE READ")
    if is_memory:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url, connect_args={"timeout": 30})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin too late for a read-then-write; `_begin_sqlite` takes their place.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
