"""Trees of facts: every leaf leads to the root, and nothing else does."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bids.evidence import merkle

HASHES = st.binary(min_size=32, max_size=32)
SEED = bytes(range(32))


@settings(max_examples=60, deadline=None)
@given(facts=st.sets(HASHES, min_size=1, max_size=70))
def test_every_leaf_leads_to_the_root_by_its_own_path(facts: set[bytes]) -> None:
    leaves = merkle.fill(sorted(facts), SEED)
    root = merkle.root(leaves)
    assert facts <= set(leaves)
    for position, leaf in enumerate(leaves):
        path = merkle.path(leaves, position)
        assert merkle.root_of(leaf, position, path) == root
        assert merkle.root_of(sha256(leaf).digest(), position, path) != root
        assert merkle.root_of(leaf, position ^ 1, path) != root


def test_the_tree_tells_not_how_many_facts_there_were() -> None:
    sizes = {len(merkle.fill([sha256(bytes([n])).digest() for n in range(facts)], SEED)) for facts in range(1, 17)}
    assert sizes == {merkle.SMALLEST}
    assert len(merkle.fill([bytes([n] * 32) for n in range(17)], SEED)) == 32


def test_the_hashing_is_that_of_rfc_6962() -> None:
    """Vectors of Certificate Transparency's reference tests (eight leaves, root)."""
    inputs = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    leaves = [sha256(b"\x00" + bytes.fromhex(each)).digest() for each in inputs]
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_position_outside_the_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="not of that position"):
        merkle.root_of(bytes(32), 16, [bytes(32)] * 4)
