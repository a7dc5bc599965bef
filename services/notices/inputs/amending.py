"""The notices that follow another: corrections, modifications of a contract, cancellations, results."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Money
from libs.common.messages.notices import Criterion, Lot, Nature
from services.notices.inputs.fields import CpvCode, Description, Input, Title
from services.notices.inputs.lots import Amount, LotId, NewCriterion, NewPlace, NewResult, NewTerms, Text

__all__ = ["LotChange", "NewAward", "NewCancellation", "NewCorrection", "NewModification"]


class LotChange(Input):
    """What changes in a lot, or a lot that is added; what is absent stays."""

    lot_id: LotId
    title: Title | None = None
    description: Description | None = None
    nature: Nature | None = None
    cpv: list[CpvCode] | None = Field(default=None, min_length=1, max_length=50)
    places: list[NewPlace] | None = Field(default=None, max_length=100)
    value: Amount | None = None
    duration_months: int | None = Field(default=None, ge=1, le=1200)
    criteria: list[NewCriterion] | None = Field(default=None, max_length=50)
    deadline: AwareDatetime | None = None
    terms: NewTerms | None = Field(default=None, description="what they do not say stays")

    def changed(self, lot: Lot) -> Lot:
        """Give the lot with these changes."""
        given: dict[str, Any] = {
            name: value
            for name in ("title", "description", "nature", "cpv", "duration_months", "deadline")
            if (value := getattr(self, name)) is not None
        }
        if self.places is not None:
            given["places"] = [place.place() for place in self.places]
        if self.value is not None:
            given["value"] = Money(amount=self.value)
        if self.criteria is not None:
            given["criteria"] = [Criterion(**each.model_dump()) for each in self.criteria]
        if self.terms is not None:
            said = self.terms.terms().model_dump(include=self.terms.model_fields_set)
            terms = {**(lot.terms.model_dump() if lot.terms else {}), **said}
            given |= {"terms": terms, "framework": terms.get("framework") not in {None, "none"} or lot.framework}
        return Lot.model_validate(lot.model_dump() | given)


class NewCorrection(Input):
    """A correction of a published notice (change notice); what is absent stays."""

    reason: Literal["cor-buy", "cor-esen", "cor-pub", "update-add", "info-release", "susp-review"] = Field(
        description="change-corig-justification (BT-140)"
    )
    explanation: Text = Field(description="what changes and why, as bidders will read it (BT-762)")
    title: Title | None = None
    description: Description | None = None
    deadline: AwareDatetime | None = Field(default=None, description="put off only")
    value: Amount | None = None
    cpv: list[CpvCode] | None = Field(default=None, min_length=1, max_length=50)
    documents_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://\S+$")
    lots: list[LotChange] = Field(default=[], max_length=500)
    results: list[NewResult] = Field(default=[], max_length=2000, description="of an award notice: the right ones")

    def given(self) -> dict[str, Any]:
        """Give the members of the content that change, lots and deadlines apart."""
        found: dict[str, Any] = {
            name: value
            for name in ("title", "description", "cpv", "documents_url")
            if (value := getattr(self, name)) is not None
        }
        if self.value is not None:
            found["value"] = Money(amount=self.value)
        if self.results:
            found["results"] = [each.result() for each in self.results]
        return found


class NewModification(Input):
    """A modification of a contract during its life (L2194-1 CCP)."""

    lot_id: str = Field(min_length=1, max_length=40)
    reason: Literal["add-wss", "mod-cir", "mod-minv", "mod-nons", "mod-repl", "mod-rev"] = Field(
        description="modification-justification (BT-200): additional works (R2194-2), unforeseen circumstances (R2194-5),"
        " small amount (R2194-8), not substantial (R2194-7), new contractor (R2194-6), clause of the contract (R2194-1)"
    )
    explanation: Text = Field(description="what is modified and why (BT-201, BT-202)")
    value: Amount | None = Field(default=None, description="of the whole contract, once modified")
    updated_initial: Amount | None = Field(
        default=None,
        description="the initial amount, updated by the price variation clause of the contract: limits are shares of it (R2194-4)",
    )
    duration_months: int | None = Field(default=None, ge=1, le=1200)


class NewCancellation(Input):
    """The cancellation of a competition that was declared abandoned."""

    explanation: Text = Field(description="why, as bidders will read it (BT-762)")


class NewAward(Input):
    """An award notice for several lots: the results of lots that the platform knows are added by itself."""

    results: list[NewResult] = Field(default=[], max_length=2000)
