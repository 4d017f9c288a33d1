"""The devnet's chains with everything on them: house contracts, test tokens, price aggregators, funded keys."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from circuits.pedersen import CommitmentKey
from circuits.transcript import Deployment
from devnet.anvil import DEV_KEYS, Anvil
from devnet.errors import ChainDown
from devnet.market import PriceTick
from devnet.settings import CHAINS, CHALLENGE, EXIT_AFTER, ChainPlan
from devnet.smiles import quoted
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
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect
from node.oracle.chain_feed import ChainFeed

CONTRACTS: Final = Path(__file__).parent / "contracts"
TOKENS: Final = (("USD", 6, 1), ("WETH", 18, 10**13), ("WBTC", 8, 100))
"""Symbol, decimals, base units of one ledger unit."""
FEEDS: Final = ("BTC", "ETH")
WEI: Final = 10**18


@dataclass(slots=True)
class DevChain:
    """A running chain and the addresses on it (20 bytes each)."""

    plan: ChainPlan
    anvil: Anvil
    w3: Connection
    deployer: Relayer
    tokens: dict[str, bytes]
    aggregators: dict[str, bytes]
    vault: VaultDeployment | None = None
    down: bool = False
    """Whether the chain is out: its process has ended, nobody reaches it, it has no blocks and no prices."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def mine(self, timestamp: int) -> None:
        """The next block, at `timestamp`; none while the chain is down."""
        async with self._lock:
            if not self.down:
                await self.anvil.mine(timestamp)

    async def go_down(self) -> None:
        """End the chain's process: whoever asks it anything from now on gets no answer."""
        async with self._lock:
            self.down = True
            await self.anvil.stop()

    async def come_back(self) -> None:
        """The same chain at the same place again, from the block before it went."""
        async with self._lock:
            await self.anvil.start()
            self.down = False

    async def mint(self, symbol: str, receiver: bytes, amount: int) -> None:
        """Give `amount` base units of a test token. Raises ChainDown."""
        kinds = ("address", "uint256")
        if not await self._call(self.tokens[symbol], "mint(address,uint256)", kinds, (receiver, amount)):
            raise ChainDown(self.plan.name)

    async def post_prices(self, tick: PriceTick) -> None:
        """Leave the tick's prices in the pool for the aggregators; the next block holds them. None while it is down."""
        for feed, price in (("BTC", tick.btc), ("ETH", tick.eth)):
            await self._call(self.aggregators[feed], "update(int256)", ("int256",), (price,))

    async def post_surfaces(self, tick: PriceTick, time: int, expiries: Sequence[int]) -> None:
        """Leave the forwards and smiles of a block at `time` in the pool, where the tick knows the volatility."""
        for feed, volatility in (("BTC", tick.btc_volatility), ("ETH", tick.eth_volatility)):
            slices = [astuple(entry) for entry in quoted(volatility, time, expiries)] if volatility else []
            if slices:
                kind = "(uint256,int256,uint256,uint256,uint256)[]"
                await self._call(self.aggregators[feed], f"publish({kind})", (kind,), (slices,))

    async def posted_prices(self, time: int) -> PriceTick:
        """The aggregators' present answers, as a tick of `time`."""
        prices = {
            feed: (await ChainFeed(feed, self.w3, to_checksum_address(address)).read(time)).price
            for feed, address in self.aggregators.items()
        }
        return PriceTick(time, prices["BTC"], prices["ETH"])

    async def _call(self, to: bytes, signature: str, types: Sequence[str], values: Sequence[object]) -> bool:
        """Whether the transaction is in the pool: not where the chain is down."""
        # The chain signs for its own well-known accounts, so that the transaction is in the pool on return.
        data = bytes(keccak(signature.encode()))[:4] + abi_encode(types, values)
        transaction = {"from": "0x" + self.deployer.address.hex(), "to": "0x" + to.hex(), "data": "0x" + data.hex()}
        # One at a time, and not while a block is made: the chain counts the account's transactions for us.
        async with self._lock:
            if self.down:
                return False
            await self.anvil.request("eth_sendTransaction", {**transaction, "gas": hex(300_000)})
        return True


@dataclass(slots=True)
class DevChains:
    """All chains; the first is the hub."""

    chains: tuple[DevChain, ...]
    hub: HubDeployment | None = None

    @classmethod
    async def start(cls, folder: Path, genesis_time: int, ports: Mapping[int, int] | None = None) -> "DevChains":
        """Start every chain, at `ports` by chain id or free ones.

        Chains that have a state file continue from it; the caller fills the addresses in.
        """
        chains = []
        for plan in CHAINS:
            anvil = Anvil(
                plan.chain_id,
                folder / "logs" / f"chain-{plan.name}.log",
                port=(ports or {}).get(plan.chain_id, 0),
                mine_on_demand=True,
                state=folder / "chains" / f"{plan.name}.json",
                genesis_time=genesis_time,
            )
            (folder / "chains").mkdir(parents=True, exist_ok=True)
            await anvil.start()
            w3 = connect(anvil.url)
            deployer = Relayer(w3, DEV_KEYS[0], plan.chain_id, poll_interval=0.02)
            chains.append(DevChain(plan, anvil, w3, deployer, {}, {}))
        return cls(tuple(chains))

    @property
    def hub_chain(self) -> DevChain:
        """The chain that orders batches."""
        return self.chains[0]

    def by_id(self, chain_id: int) -> DevChain:
        """The chain with this id."""
        return next(chain for chain in self.chains if chain.plan.chain_id == chain_id)

    async def deploy(self, salt: bytes, signers: Sequence[bytes], cache: Path) -> None:
        """Tokens and aggregators on every chain, the hub on the first. Blocks must be coming meanwhile."""
        self.hub = await deploy_hub(self.hub_chain.w3, self.hub_chain.deployer, salt, signers, cache)
        await asyncio.gather(*(self._deploy_on(chain, cache) for chain in self.chains))

    async def _deploy_on(self, chain: DevChain, cache: Path) -> None:
        token = compile_contract(CONTRACTS / "TestToken.vy", cache)
        aggregator = compile_contract(CONTRACTS / "Aggregator.vy", cache)
        for symbol, decimals, _ in TOKENS:
            receipt = await deploy_contract(chain.deployer, token, f"Test {symbol}", symbol, decimals)
            chain.tokens[symbol] = receipt.contract or b""
        for feed in FEEDS:
            receipt = await deploy_contract(chain.deployer, aggregator, f"{feed} / USD")
            chain.aggregators[feed] = receipt.contract or b""

    async def deploy_vaults(
        self, deployment: Deployment, signers: Sequence[bytes], key: CommitmentKey, cache: Path
    ) -> None:
        """A verifier of proofs and a vault on every chain, once the committee has its `key`. Blocks must be coming."""
        await asyncio.gather(*(self._deploy_vault(chain, deployment, signers, key, cache) for chain in self.chains))

    async def _deploy_vault(
        self, chain: DevChain, deployment: Deployment, signers: Sequence[bytes], key: CommitmentKey, cache: Path
    ) -> None:
        verifier = await deploy_verifier(
            chain.deployer, deployment, key, await deploy_generators(chain.deployer), cache
        )
        exits = ExitTerms(verifier, EXIT_AFTER, CHALLENGE)
        listed = [ListedToken(chain.tokens[symbol], unit) for symbol, _, unit in TOKENS]
        chain.vault = await deploy_vault(
            chain.w3, chain.deployer, deployment, signers, listed, chain.tokens["USD"], exits, cache
        )

    async def fund(self, addresses: Sequence[bytes]) -> None:
        """Gas money for every address on every chain."""
        await asyncio.gather(
            *(chain.anvil.fund(address, 1_000 * WEI) for chain in self.chains for address in addresses)
        )

    async def stop(self) -> None:
        """End every chain; each writes its state file."""
        for chain in self.chains:
            await disconnect(chain.w3)
        await asyncio.gather(*(chain.anvil.stop() for chain in self.chains))
