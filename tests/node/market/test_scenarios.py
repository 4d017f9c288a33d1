"""What a node of a statement is called."""

from node.market.scenarios import Scenario, scenario

CALL = "BTC-20200316-8000-C"


def test_a_linear_book_is_told_the_edge(house):
    grid = house.grid()
    edges = grid.underlying("BTC").nodes
    assert scenario(grid, ["BTC-PERP"], 0, 0) == Scenario("BTC", edges[0], None)
    assert scenario(grid, ["ETH-PERP", "BTC-PERP"], 0, 1) == Scenario("BTC", edges[-1], None)


def test_with_an_option_it_is_told_price_and_volatility(house):
    grid = house.grid()
    btc = grid.underlying("BTC")
    assert scenario(grid, [CALL, "WETH@1"], 0, 7) == Scenario("BTC", btc.nodes[2], btc.levels[1])
    assert scenario(grid, [CALL, "WETH@1"], 1, 1) == Scenario("ETH", grid.underlying("ETH").nodes[-1], None)


def test_figures_are_written_without_trailing_zeros():
    assert str(Scenario("BTC", 8_000 * 10**8, 1_200_000)) == "BTC at 8000 USD and a volatility of 120 %"
    assert str(Scenario("ETH", 20_050_000_000, 545_000)) == "ETH at 200.5 USD and a volatility of 54.5 %"
    assert str(Scenario("ETH", 20_050_000_000, None)) == "ETH at 200.5 USD"
