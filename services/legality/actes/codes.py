"""Codes of the ACTES protocol: messages, natures of acts, kinds of authorities, types of pieces."""

from __future__ import annotations

from types import MappingProxyType

__all__ = [
    "ACTES",
    "AUTHORITY_NATURES",
    "CONTRACTS",
    "CONTRACT_PIECES",
    "INSEE",
    "MESSAGES",
    "NATURES",
    "PUBLIC_PROCUREMENT",
]

ACTES = "http://www.interieur.gouv.fr/ACTES#v1.1-20040216"
INSEE = "http://xml.insee.fr/schema"

MESSAGES = MappingProxyType(
    {
        "Acte": ("1-1", "authority"),
        "ARActe": ("1-2", "state"),
        "AnomalieActe": ("1-3", "state"),
        "CourrierSimple": ("2-1", "state"),
        "ReponseCourrierSimple": ("2-2", "authority"),
        "DemandePieceComplementaire": ("3-1", "state"),
        "ARDemandePieceComplementaire": ("3-2", "authority"),
        "RefusPieceComplementaire": ("3-3", "authority"),
        "PieceComplementaire": ("3-4", "authority"),
        "ARPieceComplementaire": ("3-5", "state"),
        "LettreObservations": ("4-1", "state"),
        "ARLettreObservations": ("4-2", "authority"),
        "RejetLettreObservations": ("4-3", "authority"),
        "ReponseLettreObservations": ("4-4", "authority"),
        "ARReponseRejetLettreObservations": ("4-5", "state"),
        "DefereTA": ("5-1", "state"),
        "Annulation": ("6-1", "authority"),
        "ARAnnulation": ("6-2", "state"),
        "DemandeClassification": ("7-1", "authority"),
        "RetourClassification": ("7-2", "state"),
        "ReponseClassificationSansChangement": ("7-3", "state"),
        "AnomalieEnveloppe": ("anomaly", "state"),
        "EnveloppeCLMISILL": ("envelope", "authority"),
        "EnveloppeMISILLCL": ("envelope", "state"),
    }
)
"""Root element: code of the message (specification of 14 November 2011) and who sends it."""

NATURES = MappingProxyType({1: "DE", 2: "AR", 3: "AI", 4: "CC", 5: "BF", 6: "AU"})
"""Nature of an act and its letters in names and identifiers."""
CONTRACTS = 4
"""Contrats, conventions et avenants."""
PUBLIC_PROCUREMENT = (1, 1)
"""Matter 1.1: commande publique, marchés publics."""

AUTHORITY_NATURES = MappingProxyType(
    {
        "11": "Région",
        "21": "Département",
        "24": "Autre établissement public (département)",
        "31": "Commune",
        "33": "Autre établissement public (commune)",
        "41": "Syndicat de communes ou syndicat mixte fermé",
        "42": "Syndicat mixte ouvert",
        "44": "Communauté de communes",
        "45": "Communauté urbaine",
        "46": "Communauté d'agglomération",
        "51": "Service départemental d'incendie et de secours",
        "55": "Autre",
        "72": "SPL ou SPLA",
    }
)
"""Kinds of authorities in an envelope (`IDCL/@Nature`), those we can name."""

CONTRACT_PIECES = MappingProxyType(
    {
        "10_DE": "Délibération autorisant à passer le contrat",
        "11_AC": "Avis d'appel public à concurrence",
        "11_AE": "Acte d'engagement",
        "11_AP": "Cahier des clauses administratives particulières",
        "11_AT": "Renseignements, attestations et déclarations fournies par l'attributaire",
        "11_JU": "Rapport justifiant le choix du marché, les modalités et la procédure de passation",
        "11_PV": "Procès-verbal de la commission d'appel d'offres",
        "11_RA": "Rapport de la commission d'appel d'offres",
        "11_RC": "Règlement de consultation",
        "11_RP": "Rapport de présentation de l'acheteur",
        "11_TP": "Cahier des clauses techniques particulières",
        "12_CD": "Contrat de délégation",
        "99_DC": "Document contractuel",
    }
)
"""Types of pieces of a contract (nature 4), those we use; the whole list comes with the classification message."""
