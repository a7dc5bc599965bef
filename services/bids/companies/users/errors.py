"""The refusals of the users of companies."""

from __future__ import annotations

from libs.common.errors import Conflict, Forbidden, NotFound, TooManyRequests

__all__ = [
    "AlreadyUser",
    "NotAdministrator",
    "OnlyAdministrator",
    "TooManyInvitations",
    "UnknownInvitation",
    "UnknownUser",
]


class UnknownInvitation(NotFound):
    """No invitation of that token is open: in the same words whether it never was, was used, taken back, or is too old."""

    slug = "unknown-invitation"
    title, title_en = "Invitation inconnue ou passée", "No such open invitation"

    def __init__(self) -> None:
        super().__init__(
            "Cette invitation n'existe pas, a déjà servi, a été retirée ou a expiré : demandez-en une nouvelle à "
            "l'administrateur de l'entreprise.",
            "This invitation does not exist, was used or taken back, or has expired: ask the company's administrator for another.",
        )


class UnknownUser(NotFound):
    """No user of the caller's company has that record."""

    slug = "unknown-company-user"
    title, title_en = "Utilisateur introuvable", "No such user"

    def __init__(self) -> None:
        super().__init__(
            "Aucun utilisateur actuel de votre entreprise n'a cet identifiant.",
            "No present user of your company has this identifier.",
        )


class NotAdministrator(Forbidden):
    """The caller is not the administrator of the company."""

    slug = "company-role-missing"
    title, title_en = "Rôle manquant dans l'entreprise", "Role missing in the company"

    def __init__(self) -> None:
        super().__init__(
            "Seul l'administrateur de l'entreprise gère ses utilisateurs : demandez-le-lui.",
            "Only the administrator of the company manages its users: ask him.",
        )
        self.members = {"missing_role": "administrator", "granted_by": "administrator"}


class OnlyAdministrator(Conflict):
    """A company never stays without administrator."""

    slug = "last-administrator"
    title, title_en = "Dernier administrateur", "Last administrator"

    def __init__(self) -> None:
        super().__init__(
            "L'entreprise resterait sans administrateur : transmettez d'abord l'administration à un autre utilisateur.",
            "The company would be left without administrator: hand the administration over to another user first.",
        )


class AlreadyUser(Conflict):
    """The person is a user of the company already."""

    slug = "already-company-user"
    title, title_en = "Déjà utilisateur de l'entreprise", "Already a user of the company"


class TooManyInvitations(TooManyRequests):
    """So many invitations of a company in a day would be a way to flood mailboxes."""

    slug = "too-many-invitations"
    title, title_en = "Trop d'invitations", "Too many invitations"
