# pragma version ~=0.4.3
"""
@title A price aggregator with Chainlink's AggregatorV3 interface, and a place for forwards and smiles
@license Apache-2.0
@notice Its owner sets the price; a development chain stands in for the real aggregator with it.
"""

struct Slice:
    expiry: uint256
    basis_ppb: int256
    call_wing: uint256
    put_wing: uint256
    bend: uint256

struct Round:
    answer: int256
    updated_at: uint256

event AnswerUpdated:
    current: indexed(int256)
    roundId: indexed(uint256)
    updatedAt: uint256

DECIMALS: constant(uint8) = 8

OWNER: immutable(address)
description: public(String[32])
rounds: HashMap[uint80, Round]
latest: uint80
slices: DynArray[Slice, 32]
quoted_at: uint256


@deploy
def __init__(description: String[32]):
    """
    @param description The pair, for example "BTC / USD".
    """
    OWNER = msg.sender
    self.description = description


@external
def update(answer: int256):
    """
    @notice Starts a new round with `answer`, in 1e-8 USD, at this block's time. Only for the owner.
    """
    assert msg.sender == OWNER, "only the owner"
    self.latest += 1
    self.rounds[self.latest] = Round(answer=answer, updated_at=block.timestamp)
    log AnswerUpdated(current=answer, roundId=convert(self.latest, uint256), updatedAt=block.timestamp)


@external
def publish(slices: DynArray[Slice, 32]):
    """
    @notice Quotes forwards and smiles by expiry over the latest answer, at this block's time. Only for the owner.
    """
    assert msg.sender == OWNER, "only the owner"
    self.slices = slices
    self.quoted_at = block.timestamp


@external
@view
def latestSurface() -> (DynArray[Slice, 32], uint256):
    """
    @return What was published last, and when (unix seconds, 0 for never).
    """
    return self.slices, self.quoted_at


@external
@view
def decimals() -> uint8:
    return DECIMALS


@external
@view
def version() -> uint256:
    return 1


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @return Round, answer, start and update of the round (unix seconds), and the round the answer is of.
    """
    return self._data(self.latest)


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @return As latestRoundData, for `round_id`.
    """
    return self._data(round_id)


@internal
@view
def _data(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    found: Round = self.rounds[round_id]
    assert found.updated_at > 0, "No data present"
    return round_id, found.answer, found.updated_at, found.updated_at, round_id
