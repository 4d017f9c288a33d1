"""The README's example runs as it stands."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import node.client
from node.client.deposits import Chain, VaultDeposit
from node.client.keystore import WalletSecrets
from node.client.signing import OwnerKey
from node.ledger.types import account_id

PACKAGE = Path(node.client.__file__).parent
READMES = [path.read_text() for path in (PACKAGE / "README.md", PACKAGE.parent.parent / "README.md")]
CHAIN = Chain(31337, "http://127.0.0.1:1")


@pytest.mark.parametrize("readme", READMES, ids=("client", "project"))
async def test_the_example_trades_and_withdraws(readme: Path, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pay(chain: Chain, key: Any, deposit: VaultDeposit) -> bytes:
        await served.node.credit(deposit.account, None, deposit.amount)
        return bytes(32)

    monkeypatch.setattr("node.client.account.pay_in", pay)
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    wallet = WalletSecrets.generate()
    maker = account_id(served.node.house.deployment, OwnerKey(wallet.owner_key).address, 0)
    making = asyncio.create_task(names["make"](served.target, None, served.pin, wallet, 10**6))
    while maker not in served.node.state.accounts:
        async with served.node.changed:
            await served.node.changed.wait()
    await served.node.credit(maker, None, 5_000 * 10**6)
    await names["buy"](served.target, None, served.pin, WalletSecrets.generate(), CHAIN, maker)
    making.cancel()
    assert served.node.state.trades == 1
    assert len(served.node.state.payouts) == 1
