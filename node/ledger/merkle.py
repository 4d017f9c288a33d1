"""Merkle tree over the ledger's leaves, as OpenZeppelin's StandardMerkleTree builds it: leaf = keccak(keccak(abi)),
leaves sorted by hash, pairs sorted before hashing; a contract checks a proof with its `MerkleProof.verify`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from eth_hash.auto import keccak

from node.ledger.types import Digest


def leaf_hash(encoded: bytes) -> Digest:
    """keccak(keccak(abi-encoded values)): hashed twice, so that no inner node passes for a leaf."""
    return Digest(bytes(keccak(bytes(keccak(encoded)))))


def _pair(left: bytes, right: bytes) -> bytes:
    return bytes(keccak(min(left, right) + max(left, right)))


def verify_path(leaf: Digest, path: Iterable[bytes], root: Digest) -> bool:
    """Whether the sibling hashes `path`, from the leaf upward, lead from `leaf` to `root`."""
    node: bytes = leaf
    for sibling in path:
        node = _pair(node, sibling)
    return node == root


@dataclass(frozen=True, slots=True)
class MerkleTree:
    """The complete tree: nodes in heap order, root first; `places` maps a leaf's key to its node."""

    nodes: tuple[bytes, ...]
    places: Mapping[bytes, int] = field(repr=False)

    @classmethod
    def build(cls, leaves: Mapping[bytes, Digest]) -> Self:
        """The tree over at least one leaf, keyed as the caller likes.

        Raises:
            ValueError: no leaves.
        """
        if not leaves:
            raise ValueError("a Merkle tree needs a leaf")
        ordered = sorted(leaves.items(), key=lambda item: (item[1], item[0]))
        size = 2 * len(ordered) - 1
        nodes = [b""] * size
        places = {}
        for index, (key, digest) in enumerate(ordered):
            places[key] = size - 1 - index
            nodes[size - 1 - index] = digest
        for index in range(size - 1 - len(ordered), -1, -1):
            nodes[index] = _pair(nodes[2 * index + 1], nodes[2 * index + 2])
        return cls(tuple(nodes), places)

    @property
    def root(self) -> Digest:
        """32 bytes."""
        return Digest(self.nodes[0])

    def path(self, key: bytes) -> tuple[bytes, ...]:
        """The sibling hashes from the key's leaf up to the root.

        Raises:
            KeyError: no such leaf.
        """
        index = self.places[key]
        path = []
        while index > 0:
            path.append(self.nodes[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return tuple(path)
