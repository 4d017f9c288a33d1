"""Deposits on a real chain: the owner's own transactions into a vault."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from circuits.transcript import Deployment
from devnet.anvil import DEV_KEYS, Anvil
from node.chains import calls
from node.chains.compile import compile_contract
from node.chains.deploy import ExitTerms, ListedToken, deploy_contract, deploy_vault
from node.chains.events import Deposited, decode_log
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect, request
from node.client.deposits import Chain, VaultDeposit, pay_in
from node.client.errors import DepositFailed
from node.client.signing import OwnerKey
from node.ledger.types import AccountId, Address

CHAIN_ID = 31337
NAMED_VERIFIER = Path(__file__).parents[1] / "chains" / "contracts" / "NamedVerifier.vy"
TOKEN = Path(__file__).parents[3] / "devnet" / "contracts" / "TestToken.vy"
ACCOUNT = AccountId(b"\x01" * 32)
OWNER = OwnerKey(DEV_KEYS[1])


@dataclass(frozen=True)
class Bank:
    """A chain with one token and a vault that lists it; the owner holds a thousand dollars."""

    w3: Connection
    chain: Chain
    vault: Address
    token: Address

    def deposit(self, amount: int) -> VaultDeposit:
        return VaultDeposit(ACCOUNT, self.vault, self.token, amount)

    async def deposited(self, transaction: bytes) -> Deposited:
        receipt = await request(self.w3, "eth_getTransactionReceipt", "0x" + transaction.hex())
        logs = [log for log in receipt["logs"] if bytes.fromhex(log["address"][2:]) == self.vault]
        (event,) = [decode_log(CHAIN_ID, log) for log in logs]
        assert isinstance(event, Deposited)
        return event


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    async with Anvil(CHAIN_ID, tmp_path_factory.mktemp("anvil") / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
        usd = (await deploy_contract(relayer, compile_contract(TOKEN), "US Dollar", "USD", 6)).contract or b""
        deployment = Deployment(1, bytes(20), bytes(32))
        verifier = (await deploy_contract(relayer, compile_contract(NAMED_VERIFIER), deployment.digest)).contract or b""
        terms = ExitTerms(verifier, 1, 1)
        vault = await deploy_vault(w3, relayer, deployment, [b"\x01" * 20], [ListedToken(usd, 1)], usd, terms)
        await relayer.send(usd, calls.encode_call("mint", ("address", "uint256"), [OWNER.address, 10**9]))
        yield Bank(w3, Chain(CHAIN_ID, anvil.url), Address(vault.vault), Address(usd))
        await disconnect(w3)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deposit_reaches_the_vault_for_the_account_it_names(bank: Bank) -> None:
    for amount in (250, 750):
        event = await bank.deposited(await pay_in(bank.chain, OWNER, bank.deposit(amount)))
        assert (event.account, event.token, event.amount) == (ACCOUNT, bank.token, amount)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deposit_beyond_the_balance_fails_with_the_chains_reason(bank: Bank) -> None:
    with pytest.raises(DepositFailed) as failed:
        await pay_in(bank.chain, OWNER, bank.deposit(10**12))
    assert failed.value.chain_id == CHAIN_ID
    # The allowance that the failed deposit left behind is no obstacle to the next one.
    await pay_in(bank.chain, OWNER, bank.deposit(1))


@pytest.mark.asyncio(loop_scope="module")
async def test_an_endpoint_of_another_chain_gets_no_transaction(bank: Bank) -> None:
    with pytest.raises(DepositFailed, match="serves chain 31337"):
        await pay_in(Chain(1, bank.chain.rpc), OWNER, bank.deposit(1))


async def test_an_endpoint_that_does_not_answer_is_a_typed_failure() -> None:
    nobody = Chain(CHAIN_ID, "http://127.0.0.1:9")
    with pytest.raises(DepositFailed):
        await pay_in(nobody, OWNER, VaultDeposit(ACCOUNT, Address(bytes(20)), Address(bytes(20)), 1))
