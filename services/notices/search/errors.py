"""The refusals of the search."""

from __future__ import annotations

from libs.common.errors import Unavailable

__all__ = ["IndexBuilding"]


class IndexBuilding(Unavailable):
    """The index of this process is being built: PostgreSQL alone does not answer such a search."""

    slug = "search-index-building"
    title, title_en = "Recherche en cours de préparation", "Search being prepared"

    def __init__(self) -> None:
        super().__init__(
            "L'index de recherche se construit : recommencez dans un instant. En attendant, cherchez sans facettes ni tri, par mots "
            "simples (sans guillemets, sigles ni traits d'union), CPV, département, acheteur, procédure ou échéance.",
            "The search index is being built: try again in a moment. Until then search without facets nor sort, by plain words "
            "(no quotes, acronyms nor hyphens), CPV, department, buyer, procedure or deadline.",
        )
