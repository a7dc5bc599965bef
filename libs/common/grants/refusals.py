"""The refusal of who lacks a role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden
from libs.common.grants.roles import NEEDED, Permission

__all__ = ["RoleMissing", "refuse_without"]


class RoleMissing(Forbidden):
    """The caller acts for the organisation, and has not the role that this takes."""

    slug = "role-missing"
    title, title_en = "Rôle manquant", "Role missing"
    _WORDS: ClassVar[Mapping[str, str]] = {
        "administrator": "administrateur",
        "writer": "rédacteur",
        "publisher": "responsable de la publication",
        "opening-officer": "agent chargé de l'ouverture",
        "evaluator": "évaluateur",
        "signatory": "signataire",
        "reader": "lecteur",
    }

    def __init__(self, role: str) -> None:
        super().__init__(
            f"Il vous faut ici le rôle « {self._WORDS[role]} » ({role}), à l'instant où vous agissez : "
            "un administrateur de votre organisation peut vous l'attribuer.",
            f"You need the role '{role}' here, at the time you act: an administrator of your organisation can grant it.",
        )
        self.members = {"missing_role": role, "granted_by": "administrator"}


def refuse_without(given: frozenset[Permission], permission: Permission, actor: Actor, organisation: str) -> None:
    """Let pass who was given this. Raises Forbidden: another organisation, or RoleMissing with the role and who grants it."""
    if permission in given:
        return
    actor.require(OrganisationKind.BUYER)
    actor.require_organisation(organisation)
    raise RoleMissing(NEEDED[permission])
