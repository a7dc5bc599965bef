"""Key sets that cannot work, the vectors of the scheme, the names that keys are bound to."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from services.bids import sealing
from services.bids.sealing import EnvelopeError, EnvelopeName
from tests.unit.bids.sealing_people import CONSULTATION, key_set, officers
from tests.unit.bids.sealing_vectors import VECTORS, vectors


def test_key_sets_that_cannot_work_are_refused() -> None:
    people = officers(3)
    good = key_set(2, people)
    publics = [each.public for each in people]
    wrong = [
        good.model_copy(update={"threshold": 4}),
        good.model_copy(update={"fingerprint": "0" * 64}),
        good.model_copy(update={"officers": [publics[0], publics[0]]}),
        good.model_copy(update={"officers": [publics[0].model_copy(update={"officer": "intrus"}), *publics[1:]]}),
        good.model_copy(update={"officers": [publics[0].model_copy(update={"proof": publics[1].proof}), *publics[1:]]}),
        good.model_copy(update={"officers": [publics[0], *(p.public for p in officers(0, 2))]}),
        good.model_copy(update={"threshold": 1, "officers": [publics[0], *(p.public for p in officers(0, 1))]}),
        good.model_copy(update={"officers": [publics[0].model_copy(update={"public_key": "AAAA"}), *publics[1:]]}),
        good.model_copy(update={"officers": [publics[0].model_copy(update={"public_key": "é*"}), *publics[1:]]}),
    ]
    for each in wrong:
        with pytest.raises(EnvelopeError):
            sealing.check_key_set(each)


def test_vectors_are_reproduced_to_the_byte() -> None:
    """To renew them after a new scheme version: python -m tests.unit.bids.sealing_vectors."""
    assert json.loads(VECTORS.read_text()) == vectors()


def test_bids_are_named_by_identifiers_only() -> None:
    name = EnvelopeName(CONSULTATION, UUID(int=1), 1, "f" * 64)
    assert name.segment(1, 2).context("chunks") != name.segment(12, 1).context("chunks")
