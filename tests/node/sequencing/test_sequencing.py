"""Four validators in memory: batches are proposed, certified, committed, final everywhere."""

from tests.node.sequencing.world import Network
from tests.support.ledger import Trader


async def test_a_message_sent_to_one_node_becomes_final_on_all(network: Network):
    trader = Trader(network.setting)
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await network.nodes[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(trader.id in node.sequencer.state.accounts for node in network.nodes))

    roots = {node.sequencer.state.root for node in network.nodes if node.height == network.nodes[0].height}
    assert len(roots) == 1
    assert network.switch.offences == []
