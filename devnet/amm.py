"""An AMM beside the auctions of one chain: the real Uniswap V2, seeded, and kept at the market by an arbitrageur."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from devnet.chains import DevChain
from devnet.uniswap import Uniswap, towards
from node.chains.calls import encode_call, read
from node.chains.compile import house_contract
from node.chains.deploy import deploy_contract
from node.chains.errors import ChainError
from node.chains.liquidity import ContractSource
from node.chains.relayer import Relayer

POLL_SECONDS: Final = 1.0
ETHER: Final = 10**18
SEEDED_ETHER: Final = 1_000_000 * ETHER
"""Deep enough for a lot of some thousand ether to move it by less than a keeper's discount."""
LEAST_TRADE: Final = 400
"""The arbitrageur leaves a pair alone whose price is off by less than about two of this many parts."""
FEED: Final = 10**8
_ROUND: Final = "(uint80,int256,uint256,uint256,uint80)"
MICRO: Final = 10**6


@dataclass(slots=True)
class Amm:
    """The pair of WETH and USD on `chain`; `source` is what sells lots into it."""

    chain: DevChain
    relayer: Relayer
    uniswap: Uniswap
    source: ContractSource
    trades: int = 0
    failures: list[ChainError] = field(default_factory=list)

    @classmethod
    async def found(cls, chain: DevChain, relayer: Relayer, cache: Path) -> "Amm":
        """Deploy it with the relayer's account and seed it at the aggregator's price. Blocks must be coming."""
        weth, usd = chain.tokens["WETH"], chain.tokens["USD"]
        uniswap = await Uniswap.deploy(chain.w3, relayer, weth)
        code = await asyncio.to_thread(house_contract, "UniswapV2Source", cache)
        source = (await deploy_contract(relayer, code, uniswap.router)).contract or b""
        made = cls(chain, relayer, uniswap, ContractSource(chain.w3, source))
        dollars = SEEDED_ETHER * await made._price() * MICRO // (FEED * ETHER)
        await made._mint(weth, SEEDED_ETHER)
        await made._mint(usd, dollars)
        await uniswap.seed(relayer, weth, SEEDED_ETHER, usd, dollars)
        return made

    async def follow_market(self) -> None:
        """Trade the pair back to the aggregator's price whenever it pays, until cancelled."""
        while True:
            try:
                await self.arbitrage()
            except ChainError as error:
                self.failures.append(error)
            await asyncio.sleep(POLL_SECONDS)

    async def arbitrage(self) -> None:
        """One trade towards the market, if the pair is off by more than the fee. Raises ChainError."""
        weth, usd = self.chain.tokens["WETH"], self.chain.tokens["USD"]
        ether, dollars = await self.uniswap.reserves(weth, usd)
        worth = {weth: await self._price() * MICRO, usd: FEED * ETHER}
        for path, held, other in (((weth, usd), ether, dollars), ((usd, weth), dollars, ether)):
            amount = towards(held, other, worth[path[0]], worth[path[1]])
            if amount > held // LEAST_TRADE:
                await self._mint(path[0], amount)
                await self.uniswap.swap(self.relayer, path, amount)
                self.trades += 1

    async def _price(self) -> int:
        """Of one ether, in 1e-8 dollars."""
        answer = await read(self.chain.w3, self.chain.aggregators["ETH"], "latestRoundData", (), (), _ROUND)
        return int(answer[1])

    async def _mint(self, token: bytes, amount: int) -> None:
        data = encode_call("mint", ("address", "uint256"), [self.relayer.address, amount])
        await self.relayer.send(token, data)
