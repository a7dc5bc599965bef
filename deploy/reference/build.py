"""Build the committed reference tables of `libs/common/reference/data` from the official lists.

Run `python -m deploy.reference.build` with HALLES_STANDARDS set to the folder that holds `ref/` (see docs). The output is
deterministic: the same sources give the same bytes. Each table begins with `#` lines: what it is, its source, its licence, its date.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "libs" / "common" / "reference" / "data"
SDK = "OP-TED/eForms-SDK 1.15.1, commit 184afa7d, July 2026 (CC-BY 4.0)"
MAP = "Official geographic code (COG) 2026, npm @etalab/decoupage-administratif 6.0.0 (MIT)"
POINTS = "coordinates of town halls: rcarlier/datas.fun, 2026 (no licence stated)"


def main() -> None:
    """Build every table and say what was written."""
    source = Path(os.environ.get("HALLES_STANDARDS", "")) / "ref"
    if not source.is_dir():
        sys.exit("HALLES_STANDARDS must name the folder that holds ref/cpv_2008.csv and the other lists")
    nuts = list(_rows(source / "nuts_all.csv"))
    _write(
        "cpv.tsv", ("Common procurement vocabulary (CPV 2008): code, French label, English label", SDK), _cpv(source)
    )
    _write("nuts.tsv", ("NUTS regions: code, label", SDK), ((row["code"], row["label_fr"]) for row in nuts))
    _write(
        "departments.tsv",
        ("French departments: code, name, region code, region name, NUTS level 3, latitude, longitude", MAP),
        _departments(source, nuts),
    )
    _write(
        "communes.tsv",
        (
            (
                "French communes: INSEE code, name, department, SIREN of the commune, SIREN of its intercommunality, population,"
                " postal codes, latitude, longitude"
            ),
            f"{MAP}; {POINTS}",
        ),
        _communes(source),
    )


def _cpv(source: Path) -> Iterator[tuple[str, ...]]:
    for row in _rows(source / "cpv_2008.csv"):
        yield row["code"], row["label_fr"], row["label_en"]


def _departments(source: Path, nuts: list[dict[str, str]]) -> Iterator[tuple[str, ...]]:
    regions = {
        region["code"]: region["nom"] for region in json.loads((source / "regions_2026.json").read_text("utf-8"))
    }
    points = {row["insee_dep"]: (row["lat"], row["lng"]) for row in _rows(source / "departements_centroids_2024.csv")}
    level3 = {
        _fold(row["label_fr"]): row["code"] for row in nuts if row["code"].startswith("FR") and row["level"] == "3"
    }
    for row in json.loads((source / "departements_2026.json").read_text("utf-8")):
        region = row.get("region") or row["code"]
        latitude, longitude = points.get(row["code"], ("", ""))
        yield (
            row["code"],
            row["nom"],
            region,
            regions.get(region, row["nom"]),
            level3.get(_fold(row["nom"]), ""),
            latitude,
            longitude,
        )


def _communes(source: Path) -> Iterator[tuple[str, ...]]:
    columns = ("code", "nom", "departement", "siren", "epci_siren", "population", "codes_postaux", "lat", "lon")
    for row in _rows(source / "communes_2026.csv"):
        yield tuple(row[column] for column in columns)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()


def _write(name: str, notes: tuple[str, str], rows: Iterable[tuple[str, ...]]) -> None:
    lines = ["\t".join(" ".join(cell.split()) for cell in row) for row in rows]
    head = [f"# {notes[0]}", f"# Source: {notes[1]}", "# Built by deploy/reference/build.py; do not edit by hand"]
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / name).write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    print(f"{name}: {len(lines)} rows")


if __name__ == "__main__":
    main()
