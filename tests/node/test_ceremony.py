"""Key ceremonies among real nodes: a real hub, real streams, and for the main case real processes."""

import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from circuits.ceremony import CeremonyKind, Fault, FaultKind, Round
from circuits.ceremony_member import CeremonyMember
from circuits.committee import CommitteeKey
from circuits.dealing import dealing_digest
from circuits.transcript import Deployment
from devnet.anvil import DEV_KEYS, Anvil
from devnet.ports import free_port
from node import ceremony
from node.ceremony import CeremonyEnd, hold_ceremony, load_committee
from node.ceremony_memory import CeremonyMemory
from node.ceremony_plan import CeremonyPlan
from node.chains.certificates import ValidatorKey
from node.chains.deploy import deploy_hub
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect
from node.config import NodeConfig, load_config
from node.coordinator.ceremony import CeremonyRun
from node.errors import CeremonyInvalid, ConfigInvalid
from node.ledger.types import Address
from node.network import create_authority, issue_identity
from node.secret_files import load_committee_share, write_secret
from tests.circuits.ceremonies import WrongShares, opens

CHAIN_ID = 31337
SALT = bytes(range(32))
BLOCK_SECONDS = 0.05
ROUND_BLOCKS = 200


@dataclass(frozen=True)
class Town:
    """Four validators around a hub whose blocks keep coming; each has a folder with all but a share."""

    folder: Path
    keys: tuple[ValidatorKey, ...]
    deployment: Deployment
    anvil: Anvil

    def home(self, place: int) -> Path:
        return self.folder / f"node-{place}"

    def config(self, place: int) -> NodeConfig:
        return load_config(self.home(place) / "node.toml")

    @property
    def members(self) -> tuple[Address, ...]:
        return tuple(Address(key.address) for key in self.keys)

    async def plan(self, **changes: object) -> CeremonyPlan:
        """Write a ceremony that begins a few blocks from now."""
        height = int(await self.anvil.request("eth_blockNumber"), 16)
        plan = CeremonyPlan(CeremonyKind.KEY, self.deployment, self.members, self.members, 3, height + 4, ROUND_BLOCKS)
        plan = replace(plan, **changes)  # type: ignore[arg-type]
        for place in range(4):
            (self.home(place) / "ceremony.json").write_text(plan.to_json())
        return plan


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    keys = tuple(ValidatorKey.generate() for _ in range(4))
    async with Anvil(CHAIN_ID, folder / "anvil.log", mine_on_demand=True) as anvil:
        mining = asyncio.create_task(_mine(anvil))
        w3 = connect(anvil.url)
        try:
            for key in keys:
                await anvil.fund(key.address, 10**20)
            relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.02)
            hub = await deploy_hub(w3, relayer, SALT, [key.address for key in keys])
            found = Town(folder, keys, Deployment(CHAIN_ID, hub.address, SALT), anvil)
            _settle(found)
            yield found
        finally:
            mining.cancel()
            await asyncio.wait([mining])
            await disconnect(w3)


async def _mine(anvil: Anvil) -> None:
    while True:
        await anvil.mine()
        await asyncio.sleep(BLOCK_SECONDS)


def _settle(found: Town) -> None:
    authority = create_authority()
    ports = [free_port() for _ in range(4)]
    for place, key in enumerate(found.keys):
        home = found.home(place)
        home.mkdir()
        issue_identity(authority, key.address).save(home / "identity")
        write_secret(home / "validator.key", key.secret.hex())
        lines = [f"feed_chain = {CHAIN_ID}", "[peer_listen]", f"port = {ports[place]}"]
        lines += ["[[chains]]", f"chain_id = {CHAIN_ID}", f'rpc = "{found.anvil.url}"']
        for other, port in enumerate(ports):
            if other != place:
                lines += ["[[peers]]", f'address = "{found.keys[other].address.hex()}"']
                lines += ['host = "127.0.0.1"', f"port = {port}"]
        (home / "node.toml").write_text("\n".join(lines) + "\n")


async def run_command(found: Town, place: int) -> tuple[int, str]:
    """`zkclear node ceremony` as a process of its own: exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.cli", "ceremony", "--config", str(found.home(place) / "node.toml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 120)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, output.decode()


def check_homes(found: Town, places: tuple[int, ...]) -> CommitteeKey:
    """One key everywhere, with which the members' shares decrypt; the shares readable by nobody else."""
    committee = load_committee(found.home(places[0]) / "committee.key")
    for place in places:
        assert load_committee(found.home(place) / "committee.key") == committee
        path = found.home(place) / "committee.share"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not (found.home(place) / "ceremony.state").exists()
    shares = [load_committee_share(found.home(place) / "committee.share") for place in places]
    assert opens(committee, shares[: committee.threshold])
    return committee


@pytest.mark.e2e
async def test_three_processes_make_and_renew_a_key_while_the_fourth_never_shows_up(tmp_path: Path) -> None:
    async with town(tmp_path) as found:
        await found.plan()
        there = (0, 1, 2)
        results = await asyncio.gather(*(run_command(found, place) for place in there))
        for code, output in results:
            assert code == 0, output
            assert f"0x{found.keys[3].address.hex()}: absent in registration" in output
        committee = check_homes(found, there)
        old = [load_committee_share(found.home(place) / "committee.share") for place in there]
        secrets = [share.encode().hex() for share in old]
        assert not any(secret[6:] in output for secret in secrets for _, output in results)

        await found.plan(kind=CeremonyKind.REFRESH, previous=committee)
        for code, output in await asyncio.gather(*(run_command(found, place) for place in there)):
            assert code == 0, output
        renewed = check_homes(found, there)
        assert renewed.key == committee.key
        assert renewed != committee
        assert all(secret not in (found.home(place) / "committee.share").read_text() for place in there
                   for secret in secrets)  # fmt: skip


class BentMember(CeremonyMember):
    """Deals shares that are off its polynomial."""

    def dealing(self, progress):  # type: ignore[no-untyped-def]
        actor = WrongShares(CeremonyMember(self.terms, self.terms.dealers[self.dealer - 1], self._seed), b"")
        return actor.body(progress)


class SlowMember(CeremonyMember):
    """Names its dealing, sends its peers something else, and shows it when it is asked to on the hub."""

    def dealing(self, progress):  # type: ignore[no-untyped-def]
        return b"something else" if progress.round is Round.DEALING else super().dealing(progress)

    def post(self, progress, dealings):  # type: ignore[no-untyped-def]
        if progress.round is Round.DEALING:
            return self.terms.post(progress.round, dealing_digest(super().dealing(progress)))
        return super().post(progress, dealings)


class MuteMember(SlowMember):
    """The same, but it never shows it."""

    def awaited(self, progress):  # type: ignore[no-untyped-def]
        return progress.round is not Round.ANSWERS and super().awaited(progress)


async def hold_all(found: Town, odd: type[CeremonyMember], monkeypatch: pytest.MonkeyPatch) -> list[CeremonyEnd]:
    """All four in this process, the last of another kind."""
    last = found.keys[3].address

    def make(terms, name, seed, share=None):  # type: ignore[no-untyped-def]
        return (odd if name == last else CeremonyMember)(terms, name, seed, share)

    monkeypatch.setattr(ceremony, "CeremonyMember", make)
    return await asyncio.gather(*(hold_ceremony(found.config(place)) for place in range(4)))


async def test_a_dealer_of_wrong_shares_is_named_by_all_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as found:
        await found.plan()
        ends = await hold_all(found, BentMember, monkeypatch)
        kinds = {(fault.member, fault.kind) for end in ends for fault in end.faults}
        assert kinds == {(found.keys[3].address, FaultKind.WRONG_SHARE)}
        assert len({end.faults for end in ends}) == 1
        committee = check_homes(found, (0, 1, 2, 3))
        assert [item.dealer for item in committee.origin.contributions] == [1, 2, 3]


async def test_a_member_that_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    async with town(tmp_path) as found:
        await found.plan()
        state = found.home(0) / "ceremony.state"
        others = [asyncio.create_task(hold_ceremony(found.config(place))) for place in (1, 2, 3)]
        first = asyncio.create_task(hold_ceremony(found.config(0)))
        async with asyncio.timeout(60):
            while not state.exists() or "DEALING" not in json.loads(state.read_text())["posts"]:
                await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.wait([first])
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        said = json.loads(state.read_text())
        again = await hold_ceremony(found.config(0))
        ends = [again, *await asyncio.gather(*others)]
        assert said["posts"]["DEALING"] is not None
        assert {end.faults for end in ends} == {()}
        assert all(end.shared for end in ends)
        committee = check_homes(found, (0, 1, 2, 3))
        assert len(committee.origin.contributions) == 4


async def test_a_dealing_that_did_not_come_is_asked_for_and_answered_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as found:
        await found.plan(round_blocks=60)
        ends = await hold_all(found, SlowMember, monkeypatch)
        assert {end.faults for end in ends} == {()}
        assert len(check_homes(found, (0, 1, 2, 3)).origin.contributions) == 4


async def test_a_dealing_that_was_named_and_never_shown_disqualifies_its_dealer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as found:
        await found.plan(round_blocks=60)
        ends = await hold_all(found, MuteMember, monkeypatch)
        assert {end.faults for end in ends} == {(Fault(Round.ANSWERS, found.keys[3].address, FaultKind.ABSENT),)}
        committee = check_homes(found, (0, 1, 2, 3))
        assert [item.dealer for item in committee.origin.contributions] == [1, 2, 3]


class DeafRun(CeremonyRun):
    """Of a member that gets no share: for seconds after its first dealing came, nothing that it is sent reaches it."""

    _SECONDS = 4.0
    _since: float | None = None

    async def _on_dealing(self, sender, payload):  # type: ignore[no-untyped-def]
        now = asyncio.get_running_loop().time()
        self._since = self._since or now
        if self._member.recipient is not None or now - self._since > self._SECONDS:
            await super()._on_dealing(sender, payload)


async def test_who_hands_on_its_share_learns_the_end_though_the_others_were_done_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as found:
        await found.plan()
        await asyncio.gather(*(hold_ceremony(found.config(place)) for place in range(4)))
        committee = check_homes(found, (0, 1, 2, 3))
        await found.plan(
            kind=CeremonyKind.RESHARE, recipients=found.members[:3], threshold=2, previous=committee, round_blocks=400
        )
        monkeypatch.setattr(ceremony, "CeremonyRun", DeafRun)
        async with asyncio.timeout(60):
            ends = await asyncio.gather(*(hold_ceremony(found.config(place)) for place in range(4)))
        assert [end.shared for end in ends] == [True, True, True, False]
        assert {end.committee for end in ends} == {check_homes(found, (0, 1, 2))}
        assert not (found.home(3) / "committee.share").exists(), "the old share is gone"


def idle_home(folder: Path, change: Callable[[CeremonyPlan], CeremonyPlan] = lambda plan: plan) -> NodeConfig:
    """A node that has not begun, with nobody to talk to."""
    keys = tuple(ValidatorKey.generate() for _ in range(4))
    members = tuple(Address(key.address) for key in keys)
    deployment = Deployment(CHAIN_ID, bytes(20), SALT)
    plan = change(CeremonyPlan(CeremonyKind.KEY, deployment, members, members, 3, 10, ROUND_BLOCKS))
    issue_identity(create_authority(), keys[0].address).save(folder / "identity")
    write_secret(folder / "validator.key", keys[0].secret.hex())
    (folder / "ceremony.json").write_text(plan.to_json())
    return NodeConfig(folder=folder, feed_chain=1, chains=[], peers=[])


async def test_a_new_key_never_replaces_a_share(tmp_path: Path) -> None:
    config = idle_home(tmp_path)
    write_secret(tmp_path / "committee.share", "01000100" + "00" * 31)
    with pytest.raises(CeremonyInvalid, match="there already"):
        await hold_ceremony(config)


async def test_a_stranger_and_a_node_without_the_hubs_chain_are_turned_away(tmp_path: Path) -> None:
    config = idle_home(tmp_path, lambda plan: replace(plan, dealers=plan.dealers[1:], recipients=plan.recipients[1:]))
    with pytest.raises(CeremonyInvalid, match="not among them"):
        await hold_ceremony(config)
    (tmp_path / "second").mkdir()
    with pytest.raises(ConfigInvalid, match="no endpoint"):
        await hold_ceremony(idle_home(tmp_path / "second"))


def test_randomness_of_one_ceremony_is_never_used_for_another(tmp_path: Path) -> None:
    idle_home(tmp_path)
    plan = CeremonyPlan.load(tmp_path / "ceremony.json")
    state = tmp_path / "ceremony.state"
    memory = CeremonyMemory.begin(state, plan.terms(), None)
    assert CeremonyMemory.begin(state, plan.terms(), None).seed == memory.seed
    assert memory.seed.hex() not in repr(memory)
    with pytest.raises(CeremonyInvalid, match="another ceremony"):
        CeremonyMemory.begin(state, replace(plan, start=11).terms(), None)
    state.write_text("{}")
    with pytest.raises(CeremonyInvalid, match="damaged"):
        CeremonyMemory.begin(state, plan.terms(), None)
    state.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="0600"):
        CeremonyMemory.begin(state, plan.terms(), None)
    state.chmod(0o600)
    memory.erase()
    assert not state.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"kind": "other"},
        {"dealers": ["00"]},
        {"committee": "00"},
        {"threshold": "three"},
        {"hub": None},
    ],
)
def test_a_damaged_document_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    idle_home(tmp_path)
    document = json.loads((tmp_path / "ceremony.json").read_text())
    assert CeremonyPlan.from_json(json.dumps(document)).threshold == 3
    with pytest.raises(CeremonyInvalid):
        CeremonyPlan.from_json(json.dumps(document | change))


@pytest.mark.parametrize("change", [{"threshold": 5}, {"round_blocks": 0}, {"kind": "refresh"}])
def test_terms_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    idle_home(tmp_path)
    document = json.loads((tmp_path / "ceremony.json").read_text())
    with pytest.raises(CeremonyInvalid):
        CeremonyPlan.from_json(json.dumps(document | change)).terms()
