"""A joint purchase through its life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.errors import Conflict, IllegalTransition, InvalidInput, NotFound
from services.notices.domain.joint import JointPurchase

SIVOM, ALPHA, BETA = "SIRET:25210001200010", "SIRET:21210001200013", "SIRET:21210002000012"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SCHOOL = UUID(int=1)


def begun(until: datetime | None = None) -> JointPurchase:
    return JointPurchase.begun(UUID(int=9), SIVOM, "Fournitures scolaires", [ALPHA, BETA], NOW, until)


def test_each_buyer_joins_by_its_own_word_and_leaves_with_a_date() -> None:
    joined = begun().accepted(ALPHA, NOW + timedelta(days=1))
    assert [(each.organisation, each.accepted_at is not None) for each in joined.present()] == [
        (ALPHA, True),
        (BETA, False),
    ]
    with pytest.raises(IllegalTransition):
        joined.accepted(ALPHA, NOW)
    left = joined.left(ALPHA, NOW + timedelta(days=2))
    assert [each.organisation for each in left.present()] == [BETA]
    assert (left.concerns(ALPHA), left.concerns(BETA), left.concerns(SIVOM)) == (False, True, True)
    with pytest.raises(NotFound):
        left.accepted(ALPHA, NOW)
    again = left.inviting(ALPHA, NOW + timedelta(days=3))
    assert [each.left_at is None for each in again.members if each.organisation == ALPHA] == [False, True]
    assert again.version == 4


@pytest.mark.parametrize("organisation", [SIVOM, ALPHA])
def test_nobody_is_invited_twice(organisation: str) -> None:
    with pytest.raises(Conflict):
        begun().inviting(organisation, NOW)


def test_members_read_what_is_shared_until_it_is_hidden() -> None:
    sharing = begun().sharing(SCHOOL, NOW)
    assert sharing.shared() == (SCHOOL,)
    assert sharing.sharing(SCHOOL, NOW) is sharing
    hidden = sharing.hiding(SCHOOL, NOW)
    assert (hidden.shared(), len(hidden.procedures)) == ((), 1)
    with pytest.raises(NotFound):
        hidden.hiding(SCHOOL, NOW)


def test_an_end_is_an_end() -> None:
    dated = begun(NOW + timedelta(days=10))
    assert dated.is_live(NOW + timedelta(days=9))
    assert not dated.is_live(NOW + timedelta(days=10))
    ended = begun().ended(NOW)
    with pytest.raises(IllegalTransition):
        ended.ended(NOW)
    with pytest.raises(IllegalTransition):
        ended.inviting(BETA, NOW)
    with pytest.raises(IllegalTransition):
        ended.sharing(SCHOOL, NOW)
    with pytest.raises(InvalidInput):
        begun(NOW)
