"""One anvil for each module of tests, and on it a whole house: hub, vault, auction and tokens of several manners."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from circuits.transcript import Deployment
from devnet.anvil import DEV_KEYS, Anvil
from node.chains import calls
from node.chains.certificates import (
    BatchCommitment,
    Certificate,
    PayAction,
    SeizeAction,
    ValidatorKey,
    batch_digest,
    pay_digest,
    seize_digest,
)
from node.chains.compile import compile_contract
from node.chains.deploy import (
    ExitTerms,
    HubDeployment,
    ListedToken,
    VaultDeployment,
    deploy_contract,
    deploy_generators,
    deploy_hub,
    deploy_vault,
    deploy_verifier,
)
from node.chains.events import ChainEvent, decode_log
from node.chains.relayer import Receipt, Relayer
from node.chains.rpc import Connection, connect, disconnect
from tests.circuits.proofs import CONTEXT, KEY
from tests.node.chains.margin import MarginChain

CHAIN_ID = 31337
HERE = Path(__file__).parent
DEVNET_CONTRACTS = Path(__file__).parents[3] / "devnet" / "contracts"
WETH_UNIT = 10**13
EXIT_AFTER, CHALLENGE = 3_600, 600
SALT = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Listed tokens: plain USD and WETH, one with a 1% fee, one without return values; `stranger` is not listed."""

    usd: bytes
    weth: bytes
    fee: bytes
    silent: bytes
    odd: bytes
    stranger: bytes


@dataclass(frozen=True, slots=True)
class House:
    """Contracts on a running chain, the validators' keys, and short ways to send what they certify."""

    anvil: Anvil
    w3: Connection
    keys: tuple[ValidatorKey, ...]
    relayer: Relayer
    trader: Relayer
    hub: HubDeployment
    exits: ExitTerms
    vault: VaultDeployment
    tokens: Tokens

    @property
    def deployment(self) -> Deployment:
        return Deployment(CHAIN_ID, self.hub.address, SALT)

    @property
    def signers(self) -> tuple[bytes, ...]:
        return tuple(key.address for key in self.keys)

    def certify(self, digest: bytes, who: Sequence[int] = (0, 1, 2)) -> Certificate:
        """The certificate of the validators at positions `who`, whether or not they are enough."""
        return Certificate(sum(1 << i for i in who), tuple(self.keys[i].sign_digest(digest) for i in who))

    def batch_certificate(self, batch: BatchCommitment, who: Sequence[int] = (0, 1, 2)) -> Certificate:
        return self.certify(batch_digest(CHAIN_ID, self.hub.address, batch), who)

    async def commit(self, batch: BatchCommitment, certificate: Certificate | None = None) -> Receipt:
        certificate = certificate or self.batch_certificate(batch)
        return await self.relayer.send(self.hub.address, calls.encode_commit(batch, self.signers, certificate))

    async def pay(self, action: PayAction, certificate: Certificate | None = None, **options: int) -> Receipt:
        certificate = certificate or self.certify(pay_digest(CHAIN_ID, self.vault.vault, action))
        return await self.relayer.send(self.vault.vault, calls.encode_pay(action, self.signers, certificate), **options)

    async def seize(self, action: SeizeAction, certificate: Certificate | None = None) -> Receipt:
        certificate = certificate or self.certify(seize_digest(CHAIN_ID, self.vault.vault, action))
        return await self.relayer.send(self.vault.vault, calls.encode_seize(action, self.signers, certificate))

    async def mint(self, token: bytes, receiver: bytes, amount: int) -> None:
        data = calls.encode_call("mint", ("address", "uint256"), [receiver, amount])
        await self.relayer.send(token, data)

    async def deposit(self, token: bytes, amount: int, account: bytes = b"\1" * 32) -> Receipt:
        """Mint and approve `amount` for the trader, and let it deposit that."""
        await self.mint(token, self.trader.address, amount)
        await self.trader.send(token, calls.encode_approve(self.vault.vault, amount))
        return await self.trader.send(self.vault.vault, calls.encode_deposit(account, token, amount))

    async def balance(self, token: bytes, holder: bytes) -> int:
        return await calls.balance_of(self.w3, token, holder)

    def events(self, receipt: Receipt) -> list[ChainEvent]:
        """The house's own events in a receipt."""
        ours = {self.hub.address, self.vault.vault, self.vault.auction}
        return [decode_log(CHAIN_ID, log) for log in receipt.logs if bytes.fromhex(log["address"][2:]) in ours]


async def deploy_tokens(relayer: Relayer) -> Tokens:
    """One token of each manner."""

    async def put(path: Path, *arguments: object) -> bytes:
        return (await deploy_contract(relayer, compile_contract(path), *arguments)).contract or b""

    plain, odd = DEVNET_CONTRACTS / "TestToken.vy", HERE / "contracts" / "OddToken.vy"
    return Tokens(
        usd=await put(plain, "US Dollar", "USD", 6),
        weth=await put(plain, "Wrapped Ether", "WETH", 18),
        fee=await put(odd, 10_000),
        silent=await put(HERE / "contracts" / "SilentToken.vy"),
        odd=await put(odd, 0),
        stranger=await put(plain, "Stranger", "STR", 18),
    )


def listing(tokens: Tokens) -> list[ListedToken]:
    """The vault's list: every token but the stranger; 1e-5 WETH and 1e-6 of the rest are a ledger unit."""
    return [
        ListedToken(tokens.usd, 1),
        ListedToken(tokens.weth, WETH_UNIT),
        ListedToken(tokens.fee, 10),
        ListedToken(tokens.silent, 1),
        ListedToken(tokens.odd, 1),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house of four validators on a chain that mines every transaction at once."""
    log = tmp_path_factory.mktemp("anvil") / "anvil.log"
    async with Anvil(CHAIN_ID, log) as anvil:
        w3 = connect(anvil.url)
        try:
            yield await build_house(anvil, w3)
        finally:
            await disconnect(w3)


async def build_house(anvil: Anvil, w3: Connection, *, leaving: bool = False) -> House:
    """Deploy everything on `anvil`; a verifier of proofs only where owners are `leaving`, since it takes seconds."""
    relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
    trader = Relayer(w3, DEV_KEYS[1], CHAIN_ID, poll_interval=0.005)
    keys = tuple(ValidatorKey(bytes([index + 1]) * 32) for index in range(4))
    signers = [key.address for key in keys]
    hub = await deploy_hub(w3, relayer, SALT, signers)
    tokens = await deploy_tokens(relayer)
    deployment = Deployment(CHAIN_ID, hub.address, SALT)
    if leaving:
        verifier = await deploy_verifier(relayer, deployment, KEY, await deploy_generators(relayer))
    else:
        named = compile_contract(HERE / "contracts" / "NamedVerifier.vy")
        verifier = (await deploy_contract(relayer, named, deployment.digest)).contract or b""
    exits = ExitTerms(verifier, EXIT_AFTER, CHALLENGE)
    vault = await deploy_vault(w3, relayer, deployment, signers, listing(tokens), tokens.usd, exits)
    return House(anvil, w3, keys, relayer, trader, hub, exits, vault, tokens)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def margin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MarginChain]:
    """A chain with the verifier of margin proofs."""
    log = tmp_path_factory.mktemp("anvil") / "anvil.log"
    async with Anvil(CHAIN_ID, log) as anvil:
        w3 = connect(anvil.url)
        try:
            relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
            generators = await deploy_generators(relayer)
            verifier = await deploy_verifier(relayer, CONTEXT.deployment, KEY, generators)
            yield MarginChain(anvil, w3, relayer, generators, verifier)
        finally:
            await disconnect(w3)


@pytest.fixture
def action_id() -> bytes:
    """An action id that was never used."""
    return secrets.token_bytes(32)
