"""Leaving by force where the vault has an hourly limit."""

import pytest

from devnet.anvil import DEV_KEYS
from node.chains import calls
from node.chains.certificates import GuardOrder, guard_digest
from node.client.deposits import Chain
from node.client.errors import ExitFailed
from node.client.exit_ticket import ExitTicket
from node.client.exits import Departure
from node.client.signing import OwnerKey
from node.ledger.types import Address, AssetId
from tests.circuits.proofs import KEY
from tests.node.chains.conftest import CHAIN_ID, CHALLENGE, EXIT_AFTER, WETH_UNIT, House
from tests.node.chains.test_exits import ETHER, TO, house, later, make_owner, next_number

__all__ = ["house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_more_than_the_hourly_limit_is_announced_and_paid_when_it_is_due(house: House) -> None:
    owner = make_owner(house)
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    await owner.request(ETHER, 3)
    order = GuardOrder(0, house.tokens.weth, WETH_UNIT, 0)
    certificate = house.certify(guard_digest(CHAIN_ID, house.vault.vault, order))
    await house.relayer.send(house.vault.vault, calls.encode_guard(order, house.signers, certificate))
    await later(house, CHALLENGE)
    vaults = {CHAIN_ID: Address(house.vault.vault)}
    ticket = ExitTicket(
        *(house.deployment, KEY, owner.registry, vaults, owner.account.id, owner.number, owner.tree.root),
        *(owner.leaf, owner.tree.path(b"own"), owner.cash, {AssetId(ETHER): owner.openings[ETHER]}),
    )
    leaving = Departure(ticket, OwnerKey(DEV_KEYS[1]), Chain(CHAIN_ID, house.anvil.url))
    before = await house.balance(house.tokens.weth, TO)
    with pytest.raises(ExitFailed, match="more than the hourly limit: announced, finish it after"):
        await leaving.finish(AssetId(ETHER))
    with pytest.raises(ExitFailed, match="not due yet"):
        await leaving.finish(AssetId(ETHER))
    assert await house.balance(house.tokens.weth, TO) == before
    await later(house, 3 * 3600)
    await leaving.finish(AssetId(ETHER))
    assert await house.balance(house.tokens.weth, TO) == before + 3 * WETH_UNIT
