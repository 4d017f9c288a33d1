# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The clearing house's collateral on one chain
@license Apache-2.0
@notice Takes deposits, and pays or seizes on the certificate of a quorum of validators. No owner, no proxy: what is
        set at construction stays, but for the validators, who hand over to others, and the hourly limits, which they may
        tighten. Every state-changing function holds one reentrancy lock.
@dev    Each action id is used once, whether the payment succeeds or fails. Amounts are base units of the token; a
        token's unit is the base units of one ledger unit.
"""

from ethereum.ercs import IERC20

import certificate
import exits
import guards

initializes: certificate
initializes: exits[certificate := certificate]
initializes: guards[certificate := certificate]
exports: (
    certificate.signer_set_hash,
    certificate.epoch,
    guards.guard_orders,
    guards.paused_until,
    guards.hourly_limit,
    guards.due,
    exits.VERIFIER,
    exits.EXIT_AFTER,
    exits.CHALLENGE,
    exits.checkpoint_number,
    exits.checkpoint_root,
    exits.checkpoint_time,
    exits.newest_batch,
    exits.requests,
    exits.exited,
)

interface Auction:
    def start(
        action_id: bytes32,
        token: address,
        amount: uint256,
        start_price: uint256,
        floor_price: uint256,
        duration: uint256,
    ): nonpayable

event Deposited:
    account: indexed(bytes32)
    token: indexed(address)
    amount: uint256
    sequence: uint256

event Paid:
    actionId: indexed(bytes32)
    token: indexed(address)
    to: indexed(address)
    amount: uint256

event PayFailed:
    actionId: indexed(bytes32)
    token: indexed(address)
    to: indexed(address)
    amount: uint256

event Seized:
    actionId: indexed(bytes32)
    token: indexed(address)
    amount: uint256

MAX_TOKENS: constant(uint256) = 32
TRANSFER_GAS: constant(uint256) = 200_000
# What must be left before the call for EIP-150 to pass TRANSFER_GAS on (64/63 of it), and for what follows the call.
GAS_BEFORE_TRANSFER: constant(uint256) = 230_000

PAY_TYPE: constant(bytes32) = keccak256(
    "Pay(uint256 epoch,bytes32 actionId,address token,address to,uint256 amount,uint256 batch)"
)
SEIZE_TYPE: constant(bytes32) = keccak256(
    "Seize(uint256 epoch,bytes32 actionId,address token,uint256 amount,uint256 startPrice,uint256 floorPrice,uint256 duration,uint256 batch)"
)

HUB_CHAIN: immutable(uint256)
HUB: immutable(address)
HUB_DEPLOYMENT: immutable(bytes32)
USD: immutable(address)
AUCTION: immutable(address)
# Base units of one ledger unit; zero for a token that is not listed.
unit: public(HashMap[address, uint256])
# Action ids that were used up.
done: public(HashMap[bytes32, bool])
# Number of deposits so far.
deposits: public(uint256)


@deploy
def __init__(
    hub_chain: uint256,
    hub: address,
    salt: bytes32,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    tokens: DynArray[address, MAX_TOKENS],
    units: DynArray[uint256, MAX_TOKENS],
    limits: DynArray[uint256, MAX_TOKENS],
    usd: address,
    auction_blueprint: address,
    verifier: address,
    exit_after: uint256,
    challenge: uint256,
):
    """
    @param hub_chain Chain id of the hub whose validators these are.
    @param hub That hub's address.
    @param salt Random bytes of the deployment's genesis.
    @param signers The validators, in the order that bitmaps follow.
    @param tokens Tokens taken as collateral, `usd` among them.
    @param units Base units of one ledger unit of each token.
    @param limits Base units of each token that may leave in an hour; zero for no limit.
    @param usd The token that auctions are paid in.
    @param auction_blueprint ERC-5202 blueprint of CollateralAuction: the vault creates its own.
    @param verifier The deployment's SolvencyVerifier on this chain.
    @param exit_after Seconds without a checkpoint after which owners may request forced exits.
    @param challenge Seconds in which a newer checkpoint voids a request.
    """
    certificate.__init__(signers)
    assert len(tokens) == len(units) and len(tokens) == len(limits), "tokens, units and limits do not match up"
    for i: uint256 in range(len(tokens), bound=MAX_TOKENS):
        # A call to an address without code succeeds with empty output, which reads like a payment that went well.
        assert tokens[i].is_contract, "a token has no code"
        assert units[i] > 0, "a unit is zero"
        assert self.unit[tokens[i]] == 0, "a token is listed twice"
        self.unit[tokens[i]] = units[i]
        guards._list(tokens[i], limits[i])
    assert self.unit[usd] > 0, "the USD token is not listed"
    HUB_CHAIN = hub_chain
    HUB = hub
    HUB_DEPLOYMENT = keccak256(abi_encode(hub_chain, hub, salt))
    exits.__init__(HUB_DEPLOYMENT, verifier, exit_after, challenge)
    USD = usd
    AUCTION = create_from_blueprint(auction_blueprint, usd, self.unit[usd])


@external
@view
@reentrant
def hub_deployment() -> bytes32:
    """
    @notice Name of the deployment that this vault belongs to.
    """
    return HUB_DEPLOYMENT


@external
@view
@reentrant
def usd() -> address:
    """
    @notice The token that auctions are paid in.
    """
    return USD


@external
@view
@reentrant
def auction() -> address:
    """
    @notice The auction that this vault created.
    """
    return AUCTION


@external
def deposit(account: bytes32, token: address, amount: uint256):
    """
    @notice Takes `amount` base units from the caller for `account` (an insurance deposit names the insurance account).
    @dev    What arrived is measured, so a token with a transfer fee credits what is left of it, in whole ledger units.
    """
    guards._require_open()
    unit: uint256 = self.unit[token]
    assert unit > 0, "token not listed"
    assert amount >= unit, "below one ledger unit"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "the token refused the transfer"
    received: uint256 = staticcall IERC20(token).balanceOf(self) - before
    # More than was sent would be somebody else's payment that slipped in between the two readings.
    assert received <= amount, "more arrived than was sent"
    assert received > 0, "nothing arrived"
    assert received % unit == 0, "not a whole number of ledger units"
    self.deposits += 1
    log Deposited(account=account, token=token, amount=received, sequence=self.deposits)


@external
def pay(
    action_id: bytes32,
    token: address,
    to: address,
    amount: uint256,
    batch: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Pays `amount` base units of `token` to `to`, as batch `batch` orders. Anyone may send it.
    @dev    A token that refuses does not revert: PayFailed tells the ledger to give the amount back as a credit.
            A payment larger than the hourly limit is announced by its first call, which leaves its id free.
    """
    assert self.unit[token] > 0, "token not listed"
    assert not self.done[action_id], "the action was done"
    struct_hash: bytes32 = keccak256(
        abi_encode(PAY_TYPE, certificate.epoch, action_id, token, to, amount, batch)
    )
    certificate._check(struct_hash, signers, bitmap, signatures)
    exits._saw(batch)
    if not guards._leave(struct_hash, token, amount):
        return
    self.done[action_id] = True
    if self._try_transfer(token, to, amount):
        log Paid(actionId=action_id, token=token, to=to, amount=amount)
    else:
        log PayFailed(actionId=action_id, token=token, to=to, amount=amount)


@external
def seize(
    action_id: bytes32,
    token: address,
    amount: uint256,
    start_price: uint256,
    floor_price: uint256,
    duration: uint256,
    batch: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Sends `amount` base units of `token` to the auction and starts it, as batch `batch` orders.
    @dev    A token that refuses reverts, and the action can be tried again.
    """
    assert self.unit[token] > 0, "token not listed"
    assert token != USD, "the USD token needs no auction"
    assert not self.done[action_id], "the action was done"
    struct_hash: bytes32 = keccak256(
        abi_encode(
            SEIZE_TYPE,
            certificate.epoch,
            action_id,
            token,
            amount,
            start_price,
            floor_price,
            duration,
            batch,
        )
    )
    certificate._check(struct_hash, signers, bitmap, signatures)
    exits._saw(batch)
    if not guards._leave(struct_hash, token, amount):
        return
    self.done[action_id] = True
    before: uint256 = staticcall IERC20(token).balanceOf(AUCTION)
    assert extcall IERC20(token).transfer(AUCTION, amount, default_return_value=True), "the token refused the transfer"
    lot: uint256 = staticcall IERC20(token).balanceOf(AUCTION) - before
    extcall Auction(AUCTION).start(action_id, token, lot, start_price, floor_price, duration)
    log Seized(actionId=action_id, token=token, amount=amount)


@external
def guard(
    token: address,
    limit: uint256,
    paused_until: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Tightens the hourly limit of `token` (zero leaves all limits alone), and pauses the vault until `paused_until`
            (a time that has passed lifts a pause). Anyone may send a quorum's order, each once and in order.
    """
    assert token == empty(address) or self.unit[token] > 0, "token not listed"
    guards._guard(token, limit, paused_until, signers, bitmap, signatures)


@external
def rotate(
    new_signers: DynArray[address, certificate.MAX_SIGNERS],
    committee: bytes32,
    batch: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Follows a rotation of the hub: the same calldata, each rotation once and in order. Anyone may send it.
    @dev    What the former validators certified is void from here on; an action that was not done keeps its id, and
            the new validators certify it again.
    """
    certificate._rotate(HUB_CHAIN, HUB, new_signers, committee, batch, signers, bitmap, signatures)


@external
def checkpoint(
    number: uint256,
    previous_root: bytes32,
    new_root: bytes32,
    batch_hash: bytes32,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Takes a batch's certificate with the arguments of the hub's `commit`. Anyone may send it.
    """
    exits._relay(HUB_CHAIN, HUB, number, previous_root, new_root, batch_hash, signers, bitmap, signatures)


@external
def request_exit(
    leaf: exits.Leaf,
    path: DynArray[bytes32, exits.MAX_PATH],
    holding: exits.Holding,
    proof: exits.Proof,
    token: address,
    units: uint256,
    to: address,
):
    """
    @notice Requests `units` ledger units of `token` for the caller's account, by the newest checkpoint alone.
    @param leaf The account's leaf.
    @param path The sibling hashes from the leaf up to the checkpoint's root.
    @param holding Of a token other than USD: its commitment, place, and all holding hashes. Not read for USD.
    @param proof That cash, and the holding less `units`, are not negative (for USD: cash less `units`).
    @param to Who is to be paid. A request replaces the account's last one for the token.
    """
    assert self.unit[token] > 0, "token not listed"
    exits._request(leaf, path, holding, proof, token == USD, token, units, to)


@external
def finish_exit(account: bytes32, token: address):
    """
    @notice Pays a request that nobody challenged. Anyone may send it. If the token refuses, the request stays.
    @dev    One larger than the hourly limit is announced by its first call.
    """
    request: exits.Request = exits._due(account, token)
    amount: uint256 = request.units * self.unit[token]
    if not guards._leave(keccak256(abi_encode(account, token, request.to, amount, request.number)), token, amount):
        return
    exits._use_up(account, token)
    assert self._try_transfer(token, request.to, amount), "the token refused the transfer"
    log exits.Exited(account=account, token=token, to=request.to, amount=amount, version=request.version)


@internal
def _try_transfer(token: address, to: address, amount: uint256) -> bool:
    # Without this floor a relayer could let the transfer alone run out of gas, and so fail anyone's withdrawal.
    assert msg.gas >= GAS_BEFORE_TRANSFER, "too little gas for the payment"
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        token,
        abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        gas=TRANSFER_GAS,
        revert_on_failure=False,
    )
    if not success:
        return False
    # Tokens from before ERC-20 was settled return nothing at all when they succeed.
    return len(response) == 0 or (len(response) == 32 and convert(response, uint256) == 1)
