"""Frozen ceremonies: from given seeds every post, dealing, key and share is what `tests/vectors/dkg-v1.json` says.

python -m tests.circuits.test_dkg_vectors      writes the file anew, for a version whose bytes change on purpose
"""

import json
from pathlib import Path
from typing import Any

from circuits.ceremony import CeremonyKind, CeremonyTerms, Post
from circuits.ceremony_board import read_board
from circuits.committee import CommitteeKey
from circuits.dealing import dealing_digest
from tests.circuits.ceremonies import CONTEXT, ROUND_BLOCKS, START, Held, hold, key_terms, make_ceremony, names, seed

FILE = Path(__file__).parent.parent / "vectors" / "dkg-v1.json"


def entry(terms: CeremonyTerms, before: Held | None, label: str) -> tuple[dict[str, Any], Held]:
    """One ceremony as the file has it."""
    ceremony = make_ceremony(terms, shares=before.shares.get if before else lambda _: None, label=label)
    held = hold(ceremony)
    places = sorted({int.from_bytes(member, "big") for member in terms.dealers + terms.recipients})
    return {
        "kind": terms.kind.name,
        "context": terms.context.hex(),
        "dealers": [member.hex() for member in terms.dealers],
        "recipients": [member.hex() for member in terms.recipients],
        "threshold": terms.threshold,
        "start": terms.start,
        "round_blocks": terms.round_blocks,
        "previous": None if terms.previous is None else terms.previous.encode().hex(),
        "digest": terms.digest.hex(),
        "seeds": {names([place])[0].hex(): seed(place, label).hex() for place in places},
        "posts": [
            {"block": post.block, "author": post.author.hex(), "data": post.data.hex()} for post in ceremony.board
        ],
        "dealings": [body.hex() for _, body in sorted(ceremony.actors[0].at_hand.items())],
        "committee": held.committee.encode().hex(),
        "shares": {member.hex(): share.encode().hex() for member, share in held.shares.items()},
    }, held


def document() -> dict[str, Any]:
    """A new key (3 of 4), its refresh, and its resharing to a committee of 2 of 3."""
    made, key = entry(key_terms(3, 4), None, "vector")
    members = names([1, 2, 3, 4])
    refresh = CeremonyTerms(CeremonyKind.REFRESH, CONTEXT, members, members, 3, START, ROUND_BLOCKS, key.committee)
    renewed, _ = entry(refresh, key, "vector refresh")
    others = names([3, 5, 6])
    reshare = CeremonyTerms(CeremonyKind.RESHARE, CONTEXT, members, others, 2, START, ROUND_BLOCKS, key.committee)
    handed, _ = entry(reshare, key, "vector reshare")
    return {"format": "zkclear dkg vectors", "version": 1, "ceremonies": [made, renewed, handed]}


def test_the_same_seeds_make_the_frozen_ceremonies() -> None:
    assert document() == json.loads(FILE.read_text(encoding="utf-8"))


def test_the_frozen_boards_lead_to_the_frozen_keys() -> None:
    for frozen in json.loads(FILE.read_text(encoding="utf-8"))["ceremonies"]:
        previous = None if frozen["previous"] is None else CommitteeKey.decode(bytes.fromhex(frozen["previous"]))
        terms = CeremonyTerms(
            CeremonyKind[frozen["kind"]],
            bytes.fromhex(frozen["context"]),
            tuple(map(bytes.fromhex, frozen["dealers"])),
            tuple(map(bytes.fromhex, frozen["recipients"])),
            frozen["threshold"],
            frozen["start"],
            frozen["round_blocks"],
            previous,
        )
        assert terms.digest.hex() == frozen["digest"]
        posts = [
            Post(post["block"], bytes.fromhex(post["author"]), bytes.fromhex(post["data"])) for post in frozen["posts"]
        ]
        dealings = {dealing_digest(body): body for body in map(bytes.fromhex, frozen["dealings"])}
        progress = read_board(terms, posts, posts[-1].block, dealings)
        assert progress.committee is not None
        assert progress.committee.encode().hex() == frozen["committee"]


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")
