"""The tender committee: every kind of buyer has its rule, with its article."""

import pytest

from services.bids.domain.committees import EXEMPTIONS, RULES, CommitteeRule, Exemption

LEGAL_TYPES = ["body-pl", "body-pl-cga", "body-pl-la", "body-pl-ra", "cga", "def-cont", "eu-ins-bod-ag", "int-org", "la", "org-sub", "org-sub-cga", "org-sub-la", "org-sub-ra", "pub-undert", "pub-undert-cga", "pub-undert-la", "pub-undert-ra", "ra", "spec-rights-entity"]  # fmt: skip


def test_every_kind_of_buyer_has_its_rule() -> None:
    """The codes are those of buyer-legal-type (BT-11)."""
    assert sorted(RULES) == sorted(LEGAL_TYPES)
    assert all(reason for _, reason in RULES.values())


@pytest.mark.parametrize("legal_type", LEGAL_TYPES)
def test_only_local_buyers_are_asked(legal_type: str) -> None:
    rule, article = RULES[legal_type]
    local = legal_type in {"la", "ra"} or (
        legal_type.startswith(("body-pl-", "pub-undert-")) and legal_type[-3:] != "cga"
    )
    assert (rule is not CommitteeRule.NONE) == local
    assert not local or "L1414-2" in article


def test_every_exemption_is_told_in_words() -> None:
    assert set(EXEMPTIONS) == set(Exemption)
