"""Messages that go through the hub: what the owner sends there is what a node decodes, and the client waits for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from circuits.transcript import Deployment
from devnet.anvil import DEV_KEYS, Anvil
from node.chains.deploy import deploy_hub
from node.chains.events import Submitted, decode_log
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect, request
from node.client.account import ClientAccount
from node.client.deposits import Chain
from node.client.errors import MessageDropped, SubmissionFailed
from node.client.forcing import submit_to_hub
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.ledger.messages import AccountReference, MarginProof, Message, Withdraw
from node.ledger.state import House
from node.ledger.submissions import decode_submission
from node.ledger.types import AccountId, Address, AssetId
from node.market.grid import RiskGrid
from tests.node.client.conftest import serving

CHAIN_ID = 31337
DOLLAR = 10**6
SALT = b"\x05" * 32
CASH = AssetId(f"USD@{CHAIN_ID}")
RECIPIENT = Address(b"\x77" * 20)
OWNER = WalletSecrets.with_owner_key(DEV_KEYS[1])


@dataclass(frozen=True)
class HubChain:
    """A running chain with a hub."""

    w3: Connection
    chain: Chain
    hub: Address

    async def submissions(self) -> list[Submitted]:
        """Everything that was ever put on the hub."""
        query = {"address": "0x" + self.hub.hex(), "fromBlock": "0x0", "toBlock": "latest"}
        events = [decode_log(CHAIN_ID, log) for log in await request(self.w3, "eth_getLogs", query)]
        return [event for event in events if isinstance(event, Submitted)]

    async def gas_used(self, submitted: Submitted) -> int:
        receipt = await request(self.w3, "eth_getTransactionReceipt", "0x" + submitted.transaction_hash.hex())
        return int(receipt["gasUsed"], 16)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HubChain]:
    async with Anvil(CHAIN_ID, tmp_path_factory.mktemp("anvil") / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
        deployed = await deploy_hub(w3, relayer, SALT, [b"\x01" * 20])
        yield HubChain(w3, Chain(CHAIN_ID, anvil.url), Address(deployed.address))
        await disconnect(w3)


@dataclass(frozen=True)
class Censored:
    """An owner's account at a node that takes no message but from the hub."""

    account: ClientAccount
    node: Any
    hub: HubChain
    known: int
    """Submissions of before."""

    async def carry(self) -> Message:
        """Wait for the next submission, and have the ledger take in what it decodes to."""
        async with asyncio.timeout(20):
            while len(found := await self.hub.submissions()) <= self.known:
                await asyncio.sleep(0.02)
        message = decode_submission(found[-1].data)
        assert message is not None
        await self.node.apply(message, message.digest(self.node.house.deployment))
        return message


@pytest_asyncio.fixture(loop_scope="module")
async def censored(hub: HubChain, house: House, grid: RiskGrid) -> AsyncIterator[Censored]:
    async def refuse(method: str, carried: Any) -> None:
        raise AssertionError(f"{method} was called, not the hub")

    here = replace(house, deployment=Deployment(CHAIN_ID, hub.hub, SALT))
    async with serving(here, grid) as served, await ZkClear.connect(served.target, OWNER) as client:
        account = await client.open_account()
        await served.node.credit(account.id, None, 10_000 * DOLLAR)
        await account.refresh()
        served.node.meddle = refuse
        yield Censored(account, served.node, hub, len(await hub.submissions()))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forced_margin_proof_is_decoded_as_signed_and_waited_for(censored: Censored) -> None:
    proving = asyncio.create_task(censored.account.prove_margin(force=censored.hub.chain))
    message = await censored.carry()
    receipt = await proving

    assert isinstance(message, MarginProof)
    assert receipt.message_id == message.digest(censored.node.house.deployment)
    assert censored.node.final[receipt.message_id] == receipt.batch
    (submitted,) = (await censored.hub.submissions())[censored.known :]
    assert submitted.sender == OwnerKey(OWNER.owner_key).address
    # The figures of node/client/README.md.
    assert 1_050 < len(submitted.data) < 1_150
    assert 60_000 < await censored.hub.gas_used(submitted) < 70_000


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forced_withdrawal_pays_once_however_often_the_node_denies_it(censored: Censored) -> None:
    withdrawing = asyncio.create_task(
        censored.account.withdraw(CASH, 100 * DOLLAR, RECIPIENT, force=censored.hub.chain)
    )
    async with asyncio.timeout(20):
        while len(await censored.hub.submissions()) <= censored.known:
            await asyncio.sleep(0.02)
    await asyncio.sleep(1.0)  # the node says several times that it never saw the message
    assert not withdrawing.done()
    message = await censored.carry()
    await withdrawing

    assert isinstance(message, Withdraw)
    assert len((await censored.hub.submissions())[censored.known :]) == 1
    assert len(censored.node.state.payouts) == 1
    await censored.account.refresh()
    assert censored.account.cash == 9_900 * DOLLAR


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forced_message_whose_blocks_have_passed_is_dropped(censored: Censored) -> None:
    proving = asyncio.create_task(censored.account.prove_margin(force=censored.hub.chain))
    async with asyncio.timeout(20):
        while len(await censored.hub.submissions()) <= censored.known:
            await asyncio.sleep(0.02)
    state = censored.node.state
    await censored.node.advance(replace(state, hub_height=state.hub_height + 65), ())

    with pytest.raises(MessageDropped):
        await proving


@pytest.mark.asyncio(loop_scope="module")
async def test_a_chain_that_is_not_the_hubs_gets_nothing(censored: Censored) -> None:
    with pytest.raises(SubmissionFailed, match="the hub is on chain 31337"):
        await censored.account.prove_margin(force=Chain(31338, censored.hub.chain.rpc))

    assert len(await censored.hub.submissions()) == censored.known


@pytest.mark.asyncio(loop_scope="module")
async def test_an_endpoint_of_another_chain_gets_nothing(hub: HubChain) -> None:
    known = len(await hub.submissions())
    with pytest.raises(SubmissionFailed, match="serves chain 31337"):
        await submit_to_hub(Chain(1, hub.chain.rpc), OwnerKey(DEV_KEYS[1]), hub.hub, proof_of(100))

    assert len(await hub.submissions()) == known


@pytest.mark.asyncio(loop_scope="module")
async def test_a_message_too_long_for_the_hub_is_not_sent(hub: HubChain) -> None:
    with pytest.raises(SubmissionFailed, match="the hub takes 9216"):
        await submit_to_hub(hub.chain, OwnerKey(DEV_KEYS[1]), hub.hub, proof_of(9_216))


async def test_an_endpoint_that_does_not_answer_is_a_typed_failure() -> None:
    with pytest.raises(SubmissionFailed):
        await submit_to_hub(
            Chain(CHAIN_ID, "http://127.0.0.1:9"), OwnerKey(DEV_KEYS[1]), Address(bytes(20)), proof_of(100)
        )


def proof_of(length: int) -> MarginProof:
    reference = AccountReference(AccountId(b"\1" * 32), 3, 2)
    return MarginProof(reference, 7, b"\2" * 32, 99, bytes(length), bytes(65))
