"""What is asked of a search, and what is indexed of a notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from libs.common.messages.registry import all_types
from libs.common.search.clauses import MAX_TERMS, Clause, Phrase, Term, TooManyTermsError, clauses_of, terms_of
from libs.common.search.notice import body_text, cpv_branches
from libs.common.search.words import fold, plain
from services.notices import timeline
from services.notices.search.tsquery import tsquery_of
from services.notices.tools import check_files
from tests.unit.notices.notices_samples import BEFORE, FOLDER, bid_deposited, content, contract_notified


def test_words_phrases_and_what_is_not_wanted_are_told_apart() -> None:
    assert terms_of('voirie "eau potable" -école -"data center"') == [
        Term("voirie"),
        Term("eau potable", phrase=True),
        Term("école", negative=True),
        Term("data center", phrase=True, negative=True),
    ]
    assert terms_of("« ordures ménagères »") == [Term("ordures ménagères", phrase=True)]
    assert terms_of("l'école") == terms_of("l’école") == [Term("école")]
    assert terms_of("haute-saône") == [Term("haute saône", phrase=True)]
    assert terms_of("D.C.E. 2026-014") == [Term("DCE"), Term("2026 014", phrase=True)]
    assert terms_of('- -- "" & | !') == []
    assert len(set(terms_of("mot " * 100))) == 1


def test_a_query_with_more_terms_than_are_looked_for_is_refused_not_cut() -> None:
    assert len(terms_of(" ".join(f"mot{number}" for number in range(MAX_TERMS)))) == MAX_TERMS
    with pytest.raises(TooManyTermsError):
        terms_of(" ".join(f"mot{number}" for number in range(MAX_TERMS + 1)))


def test_folding_takes_accents_ligatures_and_capitals_away() -> None:
    assert fold("Œuvre RÉNOVÉE l’été çà") == "oeuvre renovee l'ete ca"
    assert plain("L’A.M.O. (S.A.R.L) : n° 3, eau-x") == "AMO SARL n 3 eau x"


def test_words_are_asked_in_stems_and_stop_words_that_stand_alone_are_left_out() -> None:
    assert tsquery_of(clauses_of("renovee")) == "(('renove' | 'renovee' | 'renov'))"
    assert tsquery_of(clauses_of("ville -école")) == "(('vill' | 'ville')) & !(('ecol' | 'ecole'))"
    assert clauses_of('"Plan de la Ville"') == (Clause(((Phrase(("plan", "de", "la", "ville")),),)),)
    with pytest.raises(ValueError, match="exact"):
        tsquery_of(clauses_of('"plan de la ville"'))
    assert tsquery_of(clauses_of("l'école")) == tsquery_of(clauses_of("école"))
    assert tsquery_of(clauses_of("de la et")) is None
    assert clauses_of("école école") == clauses_of("école")


def test_a_notice_is_found_by_every_branch_of_its_codes_and_by_their_labels() -> None:
    branches = cpv_branches(content())
    assert branches == ["45", "452", "4523", "45233", "452331", "4523314", "45233140"]
    assert "Travaux routiers" in body_text(content())


def test_every_public_event_type_has_a_line_of_its_own_in_both_languages() -> None:
    for name, model in all_types().items():
        if model.audience != "internal":
            assert name in timeline._LINES, f"no summary for {name}: write one in services/notices/timeline.py"
    assert timeline.summary(bid_deposited(BEFORE)) == ("Pli déposé", "Bid deposited")
    french, english = timeline.summary(contract_notified(BEFORE))
    assert "2026-014-01" in french
    assert french != english


def test_the_check_tool_prints_one_json_object_a_file_and_exits_by_the_verdict(tmp_path: Path) -> None:
    files = [str(path) for path in sorted(FOLDER.glob("*.xml"))]
    done = CliRunner().invoke(check_files, files)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == files
    assert {line["status"] for line in lines} == {"accepted"}
    wanted = {"file", "status", "notice_type", "subtype", "title", "buyers", "cpv", "lots", "deadline", "problems"}
    assert all(wanted <= line.keys() for line in lines)
    broken = tmp_path / "broken.xml"
    broken.write_bytes(b"<a>")
    failed = CliRunner().invoke(check_files, [files[0], str(broken), str(tmp_path / "absent.xml")])
    assert failed.exit_code == 1
    assert [json.loads(line)["status"] for line in failed.stdout.splitlines()] == ["accepted", "rejected", "rejected"]
