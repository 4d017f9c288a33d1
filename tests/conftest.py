"""What holds for every test: none fails because the machine was slow, and networks share what they need but once."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("zkclear", deadline=None)
settings.load_profile("zkclear")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled contracts and the table of logarithms, made once for all devnets: a run's folder has a link to it."""
    return tmp_path_factory.mktemp("cache")
