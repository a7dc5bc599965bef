"""The reference lists answer like the official ones."""

import itertools

import pytest

from libs.common.reference import communes, cpv, departments, nuts, tables


def test_a_cpv_code_is_known_by_the_table_and_never_by_its_check_digit() -> None:
    assert cpv.exists("45233140")
    assert cpv.normalise(" 45233140-2 ") == "45233140"
    assert cpv.normalise("03300000-2") == "03300000"  # official, although its check digit breaks the usual formula
    assert cpv.normalise("45233149") is None
    assert cpv.normalise("4523314") is None
    assert not cpv.exists("99999999")


def test_the_cpv_tree_is_walked_upwards() -> None:
    assert cpv.parent("45233140") == "45233100"
    assert cpv.ancestors("45233140") == ("45233100", "45233000", "45230000", "45200000", "45000000")
    assert cpv.parent("45000000") is None
    assert cpv.parent("30000000") is None
    assert cpv.stem("45200000") == "452"
    assert cpv.stem("30000000") == "30"
    with pytest.raises(cpv.UnknownCpvError):
        cpv.parent("45233149")


def test_every_cpv_code_reaches_its_division_and_has_both_labels() -> None:
    for code, *labels in tables.rows("cpv"):
        assert all(labels)
        chain = (code, *cpv.ancestors(code))
        assert chain[-1] == code[:2] + "000000"
        assert all(child.startswith(cpv.stem(above)) for child, above in itertools.pairwise(chain))


def test_cpv_labels_are_given_in_french_and_english() -> None:
    assert cpv.label("45233140") == "Travaux routiers"
    assert cpv.label("45233140", "en") == "Roadworks"
    with pytest.raises(cpv.UnknownCpvError):
        cpv.label("45233149")


def test_nuts_level_3_leads_to_the_department_and_back() -> None:
    assert nuts.department("FRC11") == "21"
    assert nuts.department("FRM01") == "2A"
    assert nuts.department("FRY10") == "971"
    assert nuts.department("FRC") is None
    assert nuts.department("DE600") is None
    assert nuts.of_department("35") == "FRH03"
    assert nuts.label("FRC") is not None
    assert (nuts.level("FR"), nuts.level("FRC11")) == (0, 3)
    assert not nuts.exists("FRC99")


def test_every_department_with_a_nuts_code_has_an_official_one_and_no_two_share_it() -> None:
    codes = [department.nuts for department in departments.every().values() if department.nuts]
    assert len(codes) == len(set(codes)) == 101
    assert all(nuts.exists(code) for code in codes)


def test_departments_are_found_by_code_name_region_and_postal_code() -> None:
    found = departments.get("01")
    assert found is not None
    assert (found.name, found.region_name) == ("Ain", "Auvergne-Rhône-Alpes")
    assert departments.get("1") is None
    named = departments.named("cote d'or")
    assert named is not None
    assert named.code == "21"
    assert {department.code for department in departments.of_region("53")} == {"22", "29", "35", "56"}
    assert departments.of_postal_code("21000") == "21"
    assert departments.of_postal_code("20090") == "2A"
    assert departments.of_postal_code("20600") == "2B"
    assert departments.of_postal_code("97110") == "971"
    assert departments.of_postal_code("21044") == "21"  # a CEDEX: no commune bears it
    assert departments.of_postal_code("99999") is None
    assert departments.of_postal_code("ABCDE") is None
    assert departments.of_commune("2A004") == "2A"


def test_communes_are_found_by_code_postal_code_and_name_without_accents() -> None:
    dijon = communes.get("21231")
    assert dijon is not None
    assert (dijon.name, dijon.department, dijon.siren) == ("Dijon", "21", "212102313")
    assert dijon in communes.with_postal_code("21000")
    assert communes.with_postal_code("00000") == ()
    assert [commune.code for commune in communes.named("saint apollinaire") if commune.department == "21"] == ["21540"]
    assert len(communes.every()) == 35_014


def test_each_table_names_its_source() -> None:
    for name in ("cpv", "nuts", "departments", "communes"):
        assert "20" in tables.source(name)
