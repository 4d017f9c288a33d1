from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled contracts and the table of logarithms, made once for all runs."""
    return tmp_path_factory.mktemp("cache")
