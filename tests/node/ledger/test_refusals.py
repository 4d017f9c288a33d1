"""What the ledger refuses, each for its reason: `Clearing.refusal` checks that nothing changed and that no batch may
carry the message. All proofs are real."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from coincurve import PrivateKey
from eth_hash.auto import keccak

from circuits.errors import Insolvent
from circuits.group import encode_point, random_scalar
from circuits.opening import OPENING_BYTES
from circuits.pedersen import Opening
from circuits.solvency import SolvencyTerms, evaluate_solvency
from node.ledger.apply import apply_message
from node.ledger.claims import CollectingVerifier
from node.ledger.effects import PayAction
from node.ledger.errors import Refused
from node.ledger.messages import SEALED_BOX_BYTES, AccountReference, MarginProof, Message, Trade
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.market.instruments import Option
from node.market.valuation import option_value
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, make_setting, make_trade, resigned, resigned_trade

PERP = "BTC-PERP"
CALL = "BTC-20200327-8000-C"


@pytest.fixture(scope="module")
def taker(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def maker(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def clearing(setting: Setting, taker: Trader, maker: Trader) -> Clearing:
    """Taker and maker with money, ether and a trade behind them. Refusals leave it as it is."""
    made = Clearing.start(setting, taker, maker)
    made.deposit(taker.id, 31337, "USD", 5_000 * USD)
    made.deposit(taker.id, 31338, "WETH", 10 * 10**5)
    made.deposit(maker.id, 31338, "USD", 5_000 * USD)
    made.accept(make_trade(made.state, taker, maker, PERP, 500, 800_000), blocks=0)
    for _ in range(4):
        made.batch(blocks=4)
    return made


@pytest.fixture(scope="module")
def trade(clearing: Clearing, taker: Trader, maker: Trader) -> Trade:
    """A good trade."""
    made = make_trade(clearing.state, taker, maker, PERP, 100, 800_000)
    assert clearing.propose(made).refused == ()
    return made


@pytest.fixture(scope="module")
def margin_proof(clearing: Clearing, taker: Trader) -> MarginProof:
    """A good margin proof."""
    made = taker.margin_proof(clearing.state)
    assert clearing.propose(made).refused == ()
    return made


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("at", [0, 1, 40, 90, 120, 250, 300, -40, -1])
def test_a_tampered_proof_is_refused(clearing: Clearing, margin_proof: MarginProof, at: int):
    at %= len(margin_proof.proof)
    assert clearing.refusal(replace(margin_proof, proof=flipped(margin_proof.proof, at))) == "PROOF_INVALID"


@pytest.mark.parametrize("mangle", [lambda p: b"", lambda p: p[:-1], lambda p: p + b"\0", lambda p: bytes(len(p))])
def test_a_proof_of_another_length_is_refused(
    clearing: Clearing, margin_proof: MarginProof, mangle: Callable[[bytes], bytes]
):
    assert clearing.refusal(replace(margin_proof, proof=mangle(margin_proof.proof))) == "PROOF_INVALID"


@pytest.mark.parametrize("auxiliaries", [0, 1, 65_535])
@pytest.mark.parametrize("padded", [True, False])
def test_a_proof_of_another_size_is_refused_before_a_point_of_it_is_decoded(
    clearing: Clearing, margin_proof: MarginProof, monkeypatch: pytest.MonkeyPatch, auxiliaries: int, padded: bool
):
    """Decoding is what costs: a count of 65,535 would keep a validator busy for seconds."""
    point = encode_point(clearing.house.committee.key.blinding_base)
    swollen = auxiliaries.to_bytes(2, "big") + point * 2 + bytes(OPENING_BYTES) + point * min(auxiliaries, 600)
    if padded:
        swollen = swollen.ljust(len(margin_proof.proof), b"\0")[: len(margin_proof.proof)]
    decoded: list[bytes] = []
    monkeypatch.setattr("circuits.solvency.decode_point", decoded.append)
    monkeypatch.setattr("circuits.pedersen.decode_point", decoded.append)

    with pytest.raises(Refused) as refused:
        apply_message(clearing.house, clearing.state, replace(margin_proof, proof=swollen), CollectingVerifier())

    assert refused.value.reason == "PROOF_INVALID"
    assert decoded == []


@pytest.mark.parametrize("length", [0, OPENING_BYTES - 1, OPENING_BYTES + 1])
def test_an_opening_proof_of_another_length_never_becomes_a_claim(clearing: Clearing, trade: Trade, length: int):
    verifier = CollectingVerifier()

    with pytest.raises(Refused) as refused:
        apply_message(clearing.house, clearing.state, replace(trade, opening_proof=bytes(length)), verifier)

    assert refused.value.reason == "PROOF_INVALID"
    assert verifier.claims == []


@pytest.mark.parametrize("field", ["opening_proof", "taker_proof", "maker_proof"])
def test_each_proof_of_a_trade_is_checked(clearing: Clearing, trade: Trade, field: str):
    damaged = flipped(getattr(trade, field), len(getattr(trade, field)) - 1)
    assert clearing.refusal(replace(trade, **{field: damaged})) == "PROOF_INVALID"


def test_the_two_margin_proofs_of_a_trade_are_not_interchangeable(clearing: Clearing, trade: Trade):
    swapped = replace(trade, taker_proof=trade.maker_proof, maker_proof=trade.taker_proof)
    assert clearing.refusal(swapped) == "PROOF_INVALID"


def test_a_proof_of_another_account_is_refused(clearing: Clearing, margin_proof: MarginProof, maker: Trader):
    other = maker.margin_proof(clearing.state)
    assert clearing.refusal(replace(margin_proof, proof=other.proof)) == "PROOF_INVALID"


def test_a_proof_for_another_version_is_refused(clearing: Clearing, taker: Trader):
    reference = taker.reference(clearing.state)
    for version in (reference.version - 1, reference.version + 1):
        stale = taker.margin_proof(clearing.state, reference=replace(reference, version=version))
        assert clearing.refusal(stale) == "VERSION_MISMATCH"


def test_a_signed_message_cannot_be_moved_to_the_current_version(clearing: Clearing, taker: Trader):
    reference = taker.reference(clearing.state)
    stale = taker.margin_proof(clearing.state, reference=replace(reference, version=reference.version - 1))
    assert clearing.refusal(replace(stale, reference=reference)) == "SIGNATURE_INVALID"
    assert clearing.refusal(resigned(stale, taker, reference=reference)) == "PROOF_INVALID"


def test_a_proof_on_the_grid_of_another_round_is_refused(clearing: Clearing, taker: Trader):
    older, newest = clearing.state.grids[-2], clearing.state.grids[-1]
    assert clearing.propose(taker.margin_proof(clearing.state, older, round=older.round)).refused == ()
    assert clearing.refusal(taker.margin_proof(clearing.state, older, round=newest.round)) == "PROOF_INVALID"


def test_a_round_that_is_too_old_or_still_to_come_is_refused(clearing: Clearing, taker: Trader):
    grid = clearing.grid
    assert [entry.round for entry in clearing.state.grids] == [2, 3, 4, 5]
    for number in (1, 6):
        assert clearing.refusal(taker.margin_proof(clearing.state, grid, round=number)) == "ROUND_UNKNOWN"


def test_a_message_for_another_deployment_is_refused(clearing: Clearing, taker: Trader, setting: Setting):
    there = replace(setting, house=make_setting(salt=bytes([1] * 32)).house)
    there = replace(there, house=replace(there.house, committee=setting.house.committee))
    foreign = taker.margin_proof(clearing.state, setting=there)
    assert clearing.refusal(foreign) == "SIGNATURE_INVALID"
    assert clearing.refusal(resigned(foreign, taker)) == "PROOF_INVALID"


def test_a_proof_under_other_parameters_is_refused(clearing: Clearing, taker: Trader, setting: Setting):
    rules = replace(setting.house.rules, penalty_ppm=0)
    milder = replace(setting, house=replace(setting.house, rules=rules))
    assert clearing.refusal(taker.margin_proof(clearing.state, setting=milder)) == "PROOF_INVALID"


def test_a_forged_signature_is_refused(clearing: Clearing, margin_proof: MarginProof, setting: Setting):
    thief = Trader(setting, key=PrivateKey())
    digest = margin_proof.digest(setting.house.deployment)
    for signature in (thief.sign(digest), b"", flipped(margin_proof.signature, 5), bytes(65)):
        assert clearing.refusal(replace(margin_proof, signature=signature)) == "SIGNATURE_INVALID"


def test_a_replayed_message_is_refused(setting: Setting):
    owner = Trader(setting)
    clearing = Clearing.start(setting, owner)
    clearing.deposit(owner.id, 31337, "USD", 9 * USD)
    proof, opening = owner.margin_proof(clearing.state), owner.open_account()
    clearing.accept(proof)
    assert clearing.refusal(proof) == "VERSION_MISMATCH"
    assert clearing.refusal(opening) == "ACCOUNT_EXISTS"


def test_a_message_twice_in_one_batch_counts_once(clearing: Clearing, margin_proof: MarginProof):
    proposal = clearing.propose(margin_proof, margin_proof)
    assert len(proposal.batch.messages) == 1
    assert proposal.refused[0].refusal.reason == "VERSION_MISMATCH"


@pytest.mark.parametrize("field", ["taker_signature", "maker_signature"])
def test_a_trade_without_a_counterpartys_signature_is_refused(clearing: Clearing, trade: Trade, field: str):
    assert clearing.refusal(replace(trade, **{field: b""})) == "SIGNATURE_INVALID"


def test_a_taker_cannot_sign_for_the_maker(clearing: Clearing, trade: Trade, taker: Trader, setting: Setting):
    acceptance = trade.acceptance_digest(setting.house.deployment)
    assert clearing.refusal(replace(trade, maker_signature=taker.sign(acceptance))) == "SIGNATURE_INVALID"


def test_an_acceptance_does_not_fit_other_terms(clearing: Clearing, trade: Trade, taker: Trader, setting: Setting):
    dearer = replace(trade, terms=replace(trade.terms, price=MicroUsd(1)))
    signed = replace(dearer, taker_signature=taker.sign(dearer.digest(setting.house.deployment)))
    assert clearing.refusal(signed) == "SIGNATURE_INVALID"


def test_a_commitment_that_was_traded_before_is_refused(setting: Setting):
    first, second, third = Trader(setting), Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, first, second, third)
    for trader in (first, second, third):
        clearing.deposit(trader.id, 31337, "USD", 500 * USD)
    opening = Opening(10, random_scalar())
    clearing.accept(make_trade(clearing.state, first, second, PERP, 10, 800_000, opening=opening))
    again = make_trade(clearing.state, first, second, PERP, 10, 800_000, opening=opening)
    assert clearing.refusal(again) == "COMMITMENT_REUSED"
    elsewhere = make_trade(clearing.state, third, second, PERP, 10, 800_000, opening=opening)
    assert clearing.refusal(elsewhere) == "COMMITMENT_REUSED"
    same_handle = make_trade(clearing.state, first, second, PERP, 11, 800_000, opening=Opening(11, opening.blinding))
    assert clearing.refusal(same_handle) == "COMMITMENT_REUSED"


def test_a_copied_commitment_is_refused_without_knowledge_of_what_it_holds(
    clearing: Clearing, trade: Trade, taker: Trader, maker: Trader
):
    """Else a thief could trade a stranger's size to itself, default, and have the committee read it."""
    own = make_trade(clearing.state, taker, maker, PERP, 100, 800_000)
    copied = resigned_trade(own, taker, maker, commitment=trade.terms.commitment)
    assert clearing.refusal(replace(copied, opening_proof=trade.opening_proof)) == "PROOF_INVALID"


def test_nothing_is_no_commitment(clearing: Clearing, taker: Trader, maker: Trader):
    empty = make_trade(clearing.state, taker, maker, PERP, 0, 800_000, opening=Opening.public(0))
    assert clearing.refusal(empty) == "COMMITMENT_REUSED"


def test_a_self_trade_is_refused(clearing: Clearing, taker: Trader):
    assert clearing.refusal(make_trade(clearing.state, taker, taker, PERP, 1, 800_000)) == "SELF_TRADE"


def test_a_maker_other_than_the_one_in_the_terms_is_refused(clearing: Clearing, trade: Trade, taker: Trader):
    other = replace(trade, maker=taker.reference(clearing.state))
    assert clearing.refusal(other) == "SELF_TRADE"


def without_a_node(terms: SolvencyTerms) -> SolvencyTerms:
    """The same statement less the row of the lowest price."""
    exposures = tuple(replace(e, values=e.values[1:]) for e in terms.exposures)
    return replace(terms, nodes=tuple(n - 1 for n in terms.nodes), exposures=exposures)


def test_a_valid_proof_of_the_statement_less_one_row_is_refused(setting: Setting):
    bull, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, bull, maker)
    clearing.deposit(bull.id, 31337, "USD", 100 * USD)
    clearing.deposit(maker.id, 31337, "USD", 5_000 * USD)
    with pytest.raises(Insolvent):
        make_trade(clearing.state, bull, maker, PERP, 10_000, 800_000)
    held = bull.merged().traded(InstrumentId(PERP), Opening(10_000, random_scalar()), MicroUsd(800_000))
    milder = without_a_node(bull.terms(clearing.grid, held, trade=True))
    greedy = make_trade(clearing.state, bull, maker, PERP, 10_000, 800_000, taker_terms=milder)
    assert clearing.refusal(greedy) == "PROOF_INVALID"


def test_a_butterfly_that_is_only_negative_between_nodes_is_refused(setting: Setting):
    """Long calls against short bitcoin: worth the same at two neighbouring nodes, and less between them. Cash is such
    that nothing is missing at any node; the gap charge is what sees the loss."""
    owner, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, owner, maker)
    clearing.deposit(owner.id, 31337, "USD", 8_000 * USD)
    clearing.deposit(maker.id, 31337, "USD", 30_000 * USD)
    grid, calls = clearing.grid, 10_000
    nodes, levels = grid.underlying("BTC").nodes, grid.instrument(CALL).levels
    at = next(k for k, node in enumerate(nodes) if node == 8_000 * 10**8)
    surface = grid.instrument(CALL).values
    low, high = surface[at * len(levels)], surface[(at + 1) * len(levels)]
    slope = (high - low) / (grid.instrument(PERP).values[at + 1] - grid.instrument(PERP).values[at])
    short = round(calls * slope)
    clearing.accept(make_trade(clearing.state, owner, maker, PERP, -short, 800_000), blocks=0)

    price = 20_000
    for _ in range(3):  # the price at which the worst node leaves nothing
        held = owner.merged().traded(InstrumentId(CALL), Opening(calls, random_scalar()), MicroUsd(price))
        terms = owner.terms(grid, held, trade=True)
        blind = replace(terms, exposures=tuple(replace(e, gap_charge=0) for e in terms.exposures))
        quantities = [opening.value for opening in held.positions.values()]
        spare = evaluate_solvency(blind, held.cash.value, quantities)
        price += spare // (1000 * calls) - 1
    assert spare >= 0
    assert evaluate_solvency(terms, held.cash.value, quantities) < 0
    assert _worst_between(clearing, held.cash.value, calls, short, blind, at) < -20 * USD

    with pytest.raises(Insolvent):
        make_trade(clearing.state, owner, maker, CALL, calls, price)
    hidden = make_trade(clearing.state, owner, maker, CALL, calls, price, taker_terms=blind)
    assert clearing.refusal(hidden) == "PROOF_INVALID"


def _worst_between(clearing: Clearing, cash: int, calls: int, short: int, terms: SolvencyTerms, at: int) -> float:
    """What the account is worth after charges in the middle between two nodes, in micro-dollars, by the model."""
    option = clearing.house.registry.instrument(CALL)
    assert isinstance(option, Option)
    nodes, levels = clearing.grid.underlying("BTC").nodes, clearing.grid.instrument(CALL).levels
    middle = (nodes[at] + nodes[at + 1]) / 2
    call = float(option_value(option, middle, levels[0] / 1e6, clearing.grid.time)) / 100 / option.lot_scale
    charges = sum(e.closing_charge * size for e, size in zip(terms.exposures, (calls, short), strict=True))
    return cash + calls * call - short * middle / 100 / 10_000 - charges / 1000


def test_an_insolvent_account_cannot_even_make_a_proof(clearing: Clearing, maker: Trader):
    with pytest.raises(Insolvent):
        maker.withdraw(clearing.state, "USD@31338", 5_000 * USD)


def test_a_double_withdrawal_is_refused(setting: Setting):
    owner, other = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, owner, other)
    clearing.deposit(owner.id, 31337, "USD", 10 * USD)
    clearing.deposit(other.id, 31337, "USD", 10 * USD)
    once = owner.withdraw(clearing.state, "USD@31337", 6 * USD)
    executed = clearing.accept(once)
    assert clearing.refusal(once) == "VERSION_MISMATCH"
    assert sum(isinstance(effect, PayAction) for effect in executed.effects) == 1
    with pytest.raises(Insolvent):
        owner.withdraw(clearing.state, "USD@31337", 6 * USD)


def test_a_withdrawal_beyond_the_vaults_inventory_is_refused(clearing: Clearing, taker: Trader):
    elsewhere = taker.withdraw(clearing.state, "USD@31339", 1 * USD)
    assert clearing.refusal(elsewhere) == "VAULT_SHORT"


def test_what_is_promised_to_one_payout_is_not_promised_to_another(setting: Setting):
    first, second = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, first, second)
    for trader in (first, second):
        clearing.deposit(trader.id, 31337, "USD", 10 * USD)
    clearing.deposit(first.id, 31338, "USD", 10 * USD)
    clearing.accept(first.withdraw(clearing.state, "USD@31337", 20 * USD))
    assert clearing.refusal(second.withdraw(clearing.state, "USD@31337", 10 * USD)) == "VAULT_SHORT"
    assert clearing.propose(second.withdraw(clearing.state, "USD@31338", 10 * USD)).refused == ()


def test_collateral_that_the_account_does_not_hold_cannot_be_withdrawn(clearing: Clearing, maker: Trader):
    dollar = maker.withdraw(clearing.state, "USD@31338", 1)
    assert clearing.refusal(resigned(dollar, maker, asset=AssetId("WETH@31338"))) == "AMOUNT_INVALID"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 0}, "AMOUNT_INVALID"),
        ({"amount": 1 << 62}, "AMOUNT_INVALID"),
        ({"recipient": Address(bytes(20))}, "AMOUNT_INVALID"),
        ({"asset": AssetId("GOLD@1")}, "ASSET_UNKNOWN"),
    ],
)
def test_a_withdrawal_that_makes_no_sense_is_refused(
    clearing: Clearing, taker: Trader, changes: dict[str, object], reason: str
):
    message = taker.withdraw(clearing.state, "USD@31337", 1)
    assert clearing.refusal(resigned(message, taker, **changes)) == reason


def test_a_proof_for_another_amount_does_not_carry_a_withdrawal(clearing: Clearing, taker: Trader):
    cheap = taker.withdraw(clearing.state, "USD@31337", 1)
    assert clearing.refusal(resigned(cheap, taker, amount=1_000 * USD)) == "PROOF_INVALID"


def test_more_collateral_than_there_is_cannot_be_withdrawn_with_cash_to_spare(clearing: Clearing, taker: Trader):
    with pytest.raises(Insolvent):
        taker.withdraw(clearing.state, "WETH@31338", 100 * 10**5)


def test_an_expired_message_is_refused(clearing: Clearing, taker: Trader, maker: Trader, setting: Setting):
    past = clearing.state.hub_height - 1
    expired: list[Message] = [
        taker.margin_proof(clearing.state, expiry=past),
        taker.withdraw(clearing.state, "USD@31337", 1, expiry=past),
        make_trade(clearing.state, taker, maker, PERP, 1, 800_000, expiry=past),
        Trader(setting).open_account(expiry=past),
    ]
    assert [clearing.refusal(message) for message in expired] == ["EXPIRED"] * 4
    assert clearing.propose(taker.margin_proof(clearing.state, expiry=past + 1), blocks=0).refused == ()


def test_credits_that_never_arrived_or_were_merged_are_refused(clearing: Clearing, taker: Trader):
    reference = taker.reference(clearing.state)
    for credits in (reference.credits + 1, reference.credits - 1, 1 << 60):
        wrong = taker.margin_proof(clearing.state, reference=replace(reference, credits=credits))
        assert clearing.refusal(wrong) == "CREDITS_UNKNOWN"


def test_an_account_that_is_not_open_is_refused(clearing: Clearing, taker: Trader):
    nobody = AccountReference(AccountId(bytes(32)), 0, 0)
    assert clearing.refusal(taker.margin_proof(clearing.state, reference=nobody)) == "ACCOUNT_UNKNOWN"


def test_terms_out_of_range_are_refused(clearing: Clearing, taker: Trader, maker: Trader, trade: Trade):
    for changes, reason in (
        ({"instrument": InstrumentId("BTC-DOGE")}, "INSTRUMENT_UNKNOWN"),
        ({"instrument": InstrumentId("WETH@31338")}, "INSTRUMENT_UNKNOWN"),
        ({"price": MicroUsd(1 << 40)}, "AMOUNT_INVALID"),
        ({"fee": MicroUsd(1 << 40)}, "AMOUNT_INVALID"),
        ({"box_digest": Digest(bytes(32))}, "MALFORMED"),
    ):
        assert clearing.refusal(resigned_trade(trade, taker, maker, **changes)) == reason
    assert clearing.refusal(replace(trade, sealed_box=b"other")) == "MALFORMED"


@pytest.mark.parametrize("length", [0, 48, SEALED_BOX_BYTES - 1, SEALED_BOX_BYTES + 1, 60_000])
def test_a_sealed_box_of_another_length_is_refused_though_both_signed_its_digest(
    clearing: Clearing, taker: Trader, maker: Trader, trade: Trade, length: int
):
    """Two accounts of one owner could otherwise fill batches until none can be sent."""
    box = bytes(length)
    signed = resigned_trade(replace(trade, sealed_box=box), taker, maker, box_digest=Digest(bytes(keccak(box))))
    assert clearing.refusal(signed) == "MALFORMED"


def test_only_the_owner_opens_an_account(clearing: Clearing, setting: Setting):
    victim = Trader(setting)
    forged = replace(victim.open_account(), signature=Trader(setting).open_account().signature)
    assert clearing.refusal(forged) == "SIGNATURE_INVALID"


def test_with_a_stale_oracle_money_comes_in_but_nothing_moves_or_leaves(setting: Setting):
    taker, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, taker, maker)
    for trader in (taker, maker):
        clearing.deposit(trader.id, 31337, "USD", 5_000 * USD)
    clearing.observers = 2
    clearing.batch(blocks=4)
    assert clearing.state.market.stale == ("BTC", "ETH")
    assert clearing.refusal(make_trade(clearing.state, taker, maker, PERP, 1, 800_000)) == "ORACLE_STALE"
    assert clearing.refusal(taker.withdraw(clearing.state, "USD@31337", 1)) == "ORACLE_STALE"
    clearing.deposit(taker.id, 31337, "USD", 1)
    clearing.accept(taker.margin_proof(clearing.state))
    assert taker.holdings.cash.value == 5_000 * USD + 1
    clearing.observers = 3
    clearing.batch(blocks=4)
    clearing.accept(make_trade(clearing.state, taker, maker, PERP, 1, 800_000))


def test_a_proof_whose_window_the_market_has_left_is_refused(setting: Setting):
    taker, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, taker, maker)
    for trader in (taker, maker):
        clearing.deposit(trader.id, 31337, "USD", 5_000 * USD)
    clearing.accept(make_trade(clearing.state, taker, maker, PERP, 100, 800_000))
    calm = clearing.grid
    clearing.batch(prices={"BTC": 6_900}, blocks=4)
    late = taker.margin_proof(clearing.state, calm, round=calm.round)
    assert clearing.refusal(late) == "WINDOW_LAPSED"


def test_an_expired_instrument_is_not_traded(setting: Setting):
    taker, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, taker, maker)
    calm = clearing.grid
    clearing.skip_to_expiry("BTC-20200327")
    clearing.batch(blocks=4)
    late = make_trade(
        clearing.state, taker, maker, "BTC-20200327", 0, 1, opening=Opening(0, random_scalar()), grid=calm
    )
    assert clearing.refusal(late) == "INSTRUMENT_UNKNOWN"
