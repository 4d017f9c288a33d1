"""A member's memory of a ceremony under way: one secret file, written before anything leaves the node.

It holds the seed from which everything secret follows, the old share where there is one, the posts decided on, and
the dealings that came. A node that starts again takes up where it was and says the same again; it never draws new
randomness for the same ceremony, and never uses old randomness for another: another ceremony's file is refused.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from circuits.ceremony import CeremonyTerms, Round
from circuits.ceremony_member import SEED_BYTES
from circuits.committee import KeyShare
from circuits.dealing import dealing_digest
from circuits.errors import DecodingError
from node.errors import CeremonyInvalid
from node.secret_files import read_secret, write_secret


class CeremonyMemory:
    """The file's contents, kept in step with the file. Its repr shows the path only."""

    def __init__(self, path: Path, seed: bytes, share: KeyShare | None, document: dict[str, Any]) -> None:
        self._path, self.seed, self.share = path, seed, share
        self._document = document
        self._bodies = {dealing_digest(body): body for body in map(bytes.fromhex, document["dealings"])}

    def __repr__(self) -> str:
        return f"CeremonyMemory({self._path})"

    @classmethod
    def begin(cls, path: Path, terms: CeremonyTerms, share: KeyShare | None) -> "CeremonyMemory":
        """Draw a seed for a ceremony, or take up the one that this node began.

        Raises:
            CeremonyInvalid: the file is another ceremony's, or damaged.
            ConfigInvalid: others can read it.
            OSError: it cannot be written.
        """
        if path.exists():
            return cls._resume(path, terms)
        seed = secrets.token_bytes(SEED_BYTES)
        document: dict[str, Any] = {
            "ceremony": terms.digest.hex(),
            "seed": seed.hex(),
            "share": None if share is None else share.encode().hex(),
            "posts": {},
            "dealings": [],
        }
        memory = cls(path, seed, share, document)
        memory._save()
        return memory

    @classmethod
    def _resume(cls, path: Path, terms: CeremonyTerms) -> "CeremonyMemory":
        text = read_secret("ceremony_state", path)
        try:
            document = json.loads(text)
            ours = document["ceremony"] == terms.digest.hex()
            share = None if document["share"] is None else KeyShare.decode(bytes.fromhex(document["share"]))
            memory = cls(path, bytes.fromhex(document["seed"]), share, document)
        except (KeyError, TypeError, ValueError, DecodingError):
            # Its own message could tell what the file holds.
            raise CeremonyInvalid("state", f"{path.name} is damaged") from None
        if not ours:
            reason = f"{path.name} is another ceremony's: end that one, or remove the file if it was given up"
            raise CeremonyInvalid("state", reason)
        return memory

    def said(self, stage: Round) -> bytes | None:
        """The post decided on for a round, if one was."""
        text = self._document["posts"].get(stage.name)
        return None if text is None else bytes.fromhex(text)

    def remember(self, stage: Round, data: bytes) -> None:
        """Keep a decided post. Raises OSError."""
        self._document["posts"][stage.name] = data.hex()
        self._save()

    def dealings(self) -> dict[bytes, bytes]:
        """Dealings that came, by digest."""
        return dict(self._bodies)

    def keep(self, body: bytes) -> None:
        """Keep a dealing that a post names. Raises OSError."""
        digest = dealing_digest(body)
        if digest not in self._bodies:
            self._bodies[digest] = body
            self._document["dealings"].append(body.hex())
            self._save()

    def erase(self) -> None:
        """The ceremony is over and its share is safe: what the seed leads to must not be found again."""
        size = self._path.stat().st_size
        with self._path.open("r+b") as file:
            file.write(bytes(size))
            file.flush()
        self._path.unlink()

    def _save(self) -> None:
        write_secret(self._path, json.dumps(self._document))
