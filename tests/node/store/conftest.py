from collections.abc import Iterator
from pathlib import Path

import pytest

from node.store import Store
from tests.node.store.made import DEPLOYMENT, Chain


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'node.db'}"


@pytest.fixture
def chain(url: str) -> Iterator[Chain]:
    """A chain in a fresh database on disk."""
    store = Store(url, DEPLOYMENT)
    yield Chain(store)
    store.close()
