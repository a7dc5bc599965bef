"""The index and PostgreSQL find the same notices for the same questions; changes are followed, whatever their order."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.messages.notices import Buyer
from libs.common.search.clauses import clauses_of
from libs.common.search.words import fold
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.content import NoticeContent
from services.notices.search.criteria import Criteria, Sort
from services.notices.search.errors import IndexBuilding
from services.notices.search.index import TantivyIndex
from services.notices.service import search as service
from services.notices.service.indexing import LiveIndex, forget_changes
from services.notices.store import search as store
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, HOSPITAL, INTERCOMMUNALITY
from tests.unit.notices.search_samples import keep, kept, said

WORDS = ["rénovation", "rénové", "rénovée", "rénover", "école", "écoles", "élémentaire", "adapté", "adaptée", "adaptation", "œuvre", "œuvres", "l'école", "d'eau", "eau", "potable", "ordures", "ménagères", "ménagère", "collecte", "collectes", "travaux", "travail", "voirie", "marché", "marchés", "procédure", "réseau", "réseaux", "chaleur", "assainissement", "bâtiment", "bâtiments", "énergétique", "énergie", "Saint-Étienne", "Haute-Saône", "Nièvre", "maîtrise", "étude", "études", "été", "créée", "crèche", "hôpital", "hôtel", "forêt", "pêche", "péché", "côte", "côté", "mur", "mûr", "sûreté", "sécurité", "D.C.E.", "SDIS", "2026-014", "n°12", "m²", "de", "la", "du", "des", "et", "à", "sur"]  # fmt: skip
CODES = ("45233140", "45214200", "90511100", "71200000", "30192000")


def text(draw: random.Random, length: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(length))


def some_notice(draw: random.Random) -> NoticeContent:
    buyer = Buyer(organisation=draw.choice((INTERCOMMUNALITY, HOSPITAL)), name="Acheteur")
    return said(
        text(draw, draw.randrange(2, 6)),
        description=text(draw, draw.randrange(0, 12)),
        cpv=[draw.choice(CODES)],
        departments=[draw.choice(("21", "35", "2A"))],
        kind=draw.choice(("contract", "planning")),
        procedure_type=draw.choice(("open", "adapted")),
        buyer=buyer,
        deadline=BEFORE + timedelta(days=draw.randrange(1, 90)),
    )


def some_words(draw: random.Random) -> str:
    """Give a word as people write it: in capitals, without its accents, in another form."""
    word = draw.choice(WORDS)
    return draw.choice((word, word, fold(word), word.upper(), word + "s", word.rstrip("es")))


def some_query(draw: random.Random) -> str:
    terms = []
    for _ in range(draw.randrange(1, 4)):
        term = some_words(draw)
        if draw.random() < 0.3:
            term = f'"{term} {some_words(draw)}"'
        terms.append(("-" if draw.random() < 0.2 else "") + term)
    return " ".join(terms)


def some_criteria(draw: random.Random) -> Criteria:
    def maybe(*values: str) -> tuple[str, ...]:
        return (draw.choice(values),) if draw.random() < 0.15 else ()

    return Criteria(
        words=clauses_of(some_query(draw)) if draw.random() < 0.9 else (),
        cpv=maybe("45", "452", "45233140", "90"),
        departments=maybe("21", "2A"),
        kinds=maybe("contract", "planning"),
        buyers=maybe(INTERCOMMUNALITY, HOSPITAL),
        procedure_types=maybe("open", "adapted"),
        deadline_after=BEFORE + timedelta(days=draw.randrange(90)) if draw.random() < 0.1 else None,
    )


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def test_the_index_and_postgresql_find_the_same_for_the_same_questions(h: Harness) -> None:
    draw = random.Random(2026)
    await keep(h.runtime, *(kept(number, some_notice(draw)) for number in range(1, 121)))
    live, some = h.runtime.port(LiveIndex), 0
    await live.fresh()
    async with h.runtime.read() as conn:
        for _ in range(1_500):
            asked = some_criteria(draw)
            if not store.can_answer(asked, Sort.PUBLISHED):
                continue  # exact words: the index alone holds them (tests/store/alerts/test_search_and_matching.py)
            expected = await store.search(conn, asked, None, 200)
            hits = await live.ask(lambda index, asked=asked: index.page(asked, Sort.PUBLISHED, None, 200))  # type: ignore[misc]
            assert [hit.notice_id for hit in hits.hits] == expected, asked
            assert hits.total == len(expected)
            some += bool(expected)
    assert some > 200, "most questions must find something, or nothing is compared"


async def test_pages_of_any_order_are_the_whole_in_its_order(h: Harness) -> None:
    draw = random.Random(7)
    at = [BEFORE + timedelta(hours=draw.randrange(3)) for _ in range(60)]
    await keep(h.runtime, *(kept(number, some_notice(draw), at=at[number]) for number in range(60)))
    live = h.runtime.port(LiveIndex)
    await live.fresh()
    for sort in (Sort.PUBLISHED, Sort.DEADLINE, Sort.RELEVANCE):
        asked = Criteria(words=clauses_of("travaux") if sort is Sort.RELEVANCE else ())
        whole = await live.ask(lambda index, asked=asked, sort=sort: index.page(asked, sort, None, 100))  # type: ignore[misc]
        positions = [hit.position for hit in whole.hits]
        assert positions == sorted(positions, key=lambda each: (each.rank, -each.key, -each.notice.int))
        for place, position in enumerate(positions):
            after = await live.ask(
                lambda index, asked=asked, sort=sort, position=position: index.page(asked, sort, position, 3)  # type: ignore[misc]
            )
            assert [hit.position for hit in after.hits] == positions[place + 1 : place + 4]


async def test_a_change_that_commits_late_is_not_missed(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)
    async with h.runtime.database.session() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await keep(h.runtime, kept(1, said("Avant")))
        await slow.execute("SELECT pg_current_xact_id()")  # it has its number before those that follow
        await keep(h.runtime, kept(2, said("Pendant")))
        await live.fresh()
        assert await count(live) == 2
        await slow.execute(
            "UPDATE notice SET content = jsonb_set(content, '{title}', '\"Tardif\"') WHERE notice_id = $1", UUID(int=1)
        )
        for number in (3, 4):
            await keep(h.runtime, kept(number, said("Encore")))
            await live.fresh()
        assert await count(live, "tardif") == 0
        await transaction.commit()
    await live.fresh()
    assert await count(live, "tardif") == 1
    assert await count(live) == 4


async def count(live: LiveIndex, query: str = "") -> int:
    return await live.ask(lambda index: index.count(Criteria(words=clauses_of(query))))


async def test_many_writers_and_readers_at_once_see_all_that_was_committed_before(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)

    async def publish(first: int) -> None:
        for number in range(first, first + 10):
            await keep(h.runtime, kept(number, said(f"Numéro unique{number}")))
            await live.fresh()
            assert await count(live, f"unique{number}") == 1

    await asyncio.gather(*(publish(1 + 100 * writer) for writer in range(3)))
    assert await count(live) == 30


async def test_the_index_follows_by_itself(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)
    await keep(h.runtime, kept(1, said("Un")))
    async with asyncio.timeout(10):
        while await count(live) == 0:  # noqa: ASYNC110  # it is what is measured
            await asyncio.sleep(0.01)
    async with h.runtime.read() as conn:
        await conn.execute("DELETE FROM notice_version")
        await conn.execute("DELETE FROM procedure_version")
        await conn.execute("DELETE FROM notice")
    async with asyncio.timeout(10):
        while await count(live) == 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_index_goes_on_when_the_database_comes_back(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)
    async with h.runtime.database.session() as conn:
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await asyncio.sleep(0.2)
    await keep(h.runtime, kept(1, said("Un")))
    async with asyncio.timeout(20):
        while await count(live) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_an_older_database_behind_the_address_has_the_index_built_again(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)
    await keep(h.runtime, kept(1, said("Un")))
    live._horizon = 10**15  # as if it had followed a database that was further
    await live.fresh()
    assert live._index is None
    async with asyncio.timeout(20):
        while not live.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await count(live) == 1


async def test_while_the_index_is_built_postgresql_answers_what_it_can(h: Harness) -> None:
    await keep(h.runtime, *(kept(number, said(f"École {number}")) for number in range(1, 6)))
    other = LiveIndex(h.runtime)  # of a process that only begins
    h.runtime.give_ports({LiveIndex: other})
    asked = service.Asked(Criteria(words=clauses_of("ecole")), limit=2)
    first = await service.search(h.runtime, asked)
    assert [each.notice.notice_id.int for each in first.notices] == [5, 4]
    assert first.total is None
    with pytest.raises(IndexBuilding):
        await service.search(h.runtime, service.Asked(sort=Sort.DEADLINE))
    with pytest.raises(IndexBuilding):
        await service.days(h.runtime, Criteria())
    async with other.serving():
        assert other.ready
        behind = service.Asked(asked.criteria, after=first.following, limit=2)
        second = await service.search(h.runtime, behind)
    assert [each.notice.notice_id.int for each in second.notices] == [3, 2], "the pages of the one go on in the other"
    assert second.total == 5


async def test_an_index_in_a_folder_answers_the_same_and_leaves_nothing(h: Harness, tmp_path: Path) -> None:
    await keep(h.runtime, *(kept(number, said(f"École {number}")) for number in range(1, 4)))
    async with h.runtime.read() as conn:
        rows = await store.rows_after(conn, None, 10)
    index = TantivyIndex(tmp_path)
    index.add(rows)
    index.built()
    assert index.count(Criteria(words=clauses_of("ecole"))) == index.size == 3
    index.replace([UUID(int=1), UUID(int=2)], [row for row in rows if row.notice_id.int == 1])
    assert index.size == 2
    index.replace([UUID(int=1)], [])
    assert index.count(Criteria()) == 1


async def test_the_phase_of_a_procedure_from_before_its_states_were_kept_tells_no_award(h: Harness) -> None:
    await keep(h.runtime, *(kept(number, said("Avis")) for number in (1, 2, 3)))
    async with h.runtime.read() as conn:
        await conn.execute("DELETE FROM procedure_version")
        for number, state in ((1, "open"), (2, "closed"), (3, "awarded")):
            await conn.execute("UPDATE procedure SET state = $2 WHERE procedure_id = $1", UUID(int=number), state)
        rows = await store.rows_of(conn, [UUID(int=number) for number in (1, 2, 3)])
    assert {row.notice_id.int: row.procedure_state for row in rows} == {1: "open", 2: "closed", 3: "closed"}


async def test_a_notice_that_cannot_be_read_does_not_keep_the_others_from_being_found(h: Harness) -> None:
    live = h.runtime.port(LiveIndex)
    await keep(h.runtime, kept(1, said("Un")), kept(2, said("Deux")))
    async with h.runtime.read() as conn:
        await conn.execute("UPDATE notice SET content = content - 'title' WHERE notice_id = $1", UUID(int=1))
    await keep(h.runtime, kept(3, said("Trois")))
    await live.fresh()
    assert await count(live) == 2


async def test_changes_are_kept_for_hours_only(h: Harness) -> None:
    await keep(h.runtime, kept(1, said("Un")))
    async with h.runtime.read() as conn:
        await conn.execute(
            "UPDATE notice_change SET changed_at = now() - interval '7 hours' WHERE change_id = (SELECT min(change_id) FROM notice_change)"
        )
        before = await conn.fetchval("SELECT count(*) FROM notice_change")
        await forget_changes(h.runtime)
        assert await conn.fetchval("SELECT count(*) FROM notice_change") == before - 1
