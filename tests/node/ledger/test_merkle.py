import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from node.ledger.merkle import MerkleTree, leaf_hash, verify_path
from node.ledger.types import Digest

leaves = st.dictionaries(st.binary(min_size=32, max_size=32), st.binary(max_size=40), min_size=1, max_size=40)


def tree_of(values: dict[bytes, bytes]) -> MerkleTree:
    return MerkleTree.build({key: leaf_hash(value) for key, value in values.items()})


def test_the_root_is_that_of_openzeppelins_example():
    rows = [("0x" + "11" * 20, 5_000_000_000_000_000_000), ("0x" + "22" * 20, 2_500_000_000_000_000_000)]
    encoded = {bytes([i]): leaf_hash(encode(["address", "uint256"], row)) for i, row in enumerate(rows)}
    root = MerkleTree.build(encoded).root
    assert root.hex() == "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@given(leaves)
def test_every_leaf_has_a_path_to_the_root(values: dict[bytes, bytes]):
    tree = tree_of(values)
    for key, value in values.items():
        assert verify_path(leaf_hash(value), tree.path(key), tree.root)


@given(leaves, st.data())
def test_the_root_does_not_depend_on_the_order_of_insertion(values: dict[bytes, bytes], data: st.DataObject):
    shuffled = dict(data.draw(st.permutations(list(values.items()))))
    assert tree_of(shuffled) == tree_of(values)


@given(leaves, st.data())
def test_a_changed_leaf_or_sibling_does_not_lead_to_the_root(values: dict[bytes, bytes], data: st.DataObject):
    tree = tree_of(values)
    key = data.draw(st.sampled_from(sorted(values)))
    path = tree.path(key)
    assert not verify_path(leaf_hash(values[key] + b"\0"), path, tree.root)
    for at in range(len(path)):
        forged = (*path[:at], bytes(32), *path[at + 1 :])
        assert not verify_path(leaf_hash(values[key]), forged, tree.root)


@given(leaves)
def test_an_inner_node_does_not_pass_for_a_leaf(values: dict[bytes, bytes]):
    tree = tree_of(values)
    if len(values) > 1:
        left, right = sorted(tree.nodes[1:3])
        assert verify_path(Digest(tree.root), (), tree.root)
        assert leaf_hash(left + right) != tree.root


def test_a_tree_without_leaves_is_refused():
    with pytest.raises(ValueError, match="needs a leaf"):
        MerkleTree.build({})
