"""Validator sets for the tests of the network; their meshes stop with the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from node.network import CertificateAuthority, create_authority
from tests.node.network.validators import Network


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    """The deployment's certificate authority."""
    return create_authority()


@pytest.fixture
async def network(authority: CertificateAuthority) -> AsyncIterator[Callable[[int], Network]]:
    """Makes validator sets of a given size."""
    async with AsyncExitStack() as stack:
        yield lambda size: Network(size, authority, stack)
