"""Chapter 1 and 2: the notice is imported, published, found; companies and partners are told."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import timedelta
from functools import partial
from typing import Any

from deploy.local.story.client import eventually, require
from deploy.local.story.report import NotApplicable, Proof
from deploy.local.story.scene import Scene
from services.bids.sealing import generate

__all__ = ["find", "hear", "import_notice", "prepare_alerts", "publish", "read_journals", "set_up_opening"]

NOTICES = "/notices/v1"
RULES = "Règlement de la consultation\n\nLes plis sont déposés sur la plateforme, jamais sur papier.\n"
Question = dict[str, str]
COMMON_WORDS = frozenset(
    ["avec", "dans", "pour", "des", "les", "une", "sur", "aux", "par", "and", "the", "for", "von", "und"]
)


async def import_notice(scene: Scene) -> Proof:
    """Import the XML as a draft of its buyer; somebody of another buyer cannot."""
    path = f"{NOTICES}/notices/import"
    xml = scene.script.xml
    await scene.officials.foreigner.api.call("POST", path, expect=403, data=xml, content_type="application/xml")
    answer = await scene.officials.secretary.api.call(
        "POST", path, expect=201, data=xml, content_type="application/xml"
    )
    scene.notice = answer.json
    return {
        "notice": scene.notice["notice_id"],
        "procedure": scene.procedure,
        "title": scene.notice["title"],
        "subtype": scene.notice["subtype"],
        "formal": scene.formal,
        "lots": len(scene.lots),
        "deadline_in_file": scene.notice["deadline"],
        "sha256": hashlib.sha256(xml).hexdigest(),
        "refused_to_another_buyer": True,
    }


async def set_up_opening(scene: Scene) -> Proof:
    """Give the draft its officers' keys, a deadline ahead of us (the one of the file is past), and its documents."""
    deadline = (await scene.stage.now() + timedelta(days=scene.script.days_to_answer)).replace(microsecond=0)
    scene.keys = {name: generate(name) for name in scene.script.officers}
    for name in ("prefecture", "centre-de-gestion")[: 1 if scene.script.threshold > 1 else 2]:
        scene.keys[name] = generate(name, recovery=True)  # where one officer is enough, two, who open together only
    officers = [key.public.model_dump(mode="json") for key in scene.keys.values()]
    opening = {"threshold": scene.script.threshold, "officers": officers}
    path = f"{NOTICES}/notices/{scene.notice['notice_id']}"
    secretary = scene.officials.secretary.api
    change = {"deadline": deadline.isoformat(), "opening": opening}
    await secretary.call("PATCH", path, expect=200, json=change, version=scene.notice["version"])
    answer = await secretary.call(
        "PUT", f"{path}/documents/reglement.txt", expect=201, data=RULES.encode(), content_type="text/plain"
    )
    digest = hashlib.sha256(RULES.encode()).hexdigest()
    require(answer.json["sha256"] == digest, "the platform computed another hash of the tender document than ours")
    scene.notice = await secretary.get(path)
    return {
        "deadline": scene.notice["deadline"],
        "officers": list(scene.keys),
        "needed_to_open": scene.script.threshold,
        "document_sha256": digest,
    }


async def prepare_alerts(scene: Scene) -> Proof:
    """The companies say where their mails go; one of them saves a search."""
    for company in (*scene.bidders, scene.late_bidder):
        contact = {"email": company.email, "language": "fr"}
        await scene.company(company.organisation).api.call("PUT", "/alerts/v1/contact", expect=200, json=contact)
    search = {
        "name": f"Veille {scene.script.name}",
        "words": [telling_word(scene)],
        "cpv": [scene.notice["cpv"][0][:3]],
        "unknown_value": True,
    }
    scene.search = await scene.company(scene.bidders[0].organisation).api.post("/alerts/v1/searches", search)
    return {"search": scene.search["summary"], "partner_webhook": scene.stage.webhook["webhook_id"]}


def telling_word(scene: Scene) -> str:
    """Give the longest word of the title: a word a searcher would type. Raises NotApplicable when there is none."""
    words = re.findall(r"[^\W\d_]{4,}", scene.notice["title"])
    wanted = [word for word in words if word.lower() not in COMMON_WORDS] or words
    if not wanted:
        raise NotApplicable("the title has no word to search for")
    return str(max(wanted, key=len))


async def publish(scene: Scene) -> Proof:
    """Publish the draft; before that nobody else sees it. A formal notice goes through its journals, the platform last."""
    path = f"{NOTICES}/notices/{scene.notice['notice_id']}"
    await scene.stage.anonymous.call("GET", path, expect=404)
    version = scene.notice["version"]
    secretary = scene.officials.secretary.api
    sent = await secretary.attempt("POST", f"{path}/publications", json={}, version=version) if scene.formal else None
    if sent is not None and sent.status == 201:
        require(sent.json["state"] == "sent", f"the notice is {sent.json['state']}, not sent")
        await scene.stage.anonymous.call("GET", path, expect=404)
        await eventually(partial(_is_public, scene), "the publication on the platform, after the journals'")
        scene.notice = await secretary.get(path)
    else:  # an adapted one, or one of a folder that the journals of today would refuse
        scene.notice = await secretary.post(f"{path}/publication", version=version)
    require(scene.notice["state"] == "published", f"the notice is {scene.notice['state']}, not published")
    return {
        "refused_by_the_journals": [fault["where"] for fault in sent.json["errors"]]
        if sent and sent.status == 422
        else [],
        "sent_at": scene.notice["sent_at"],
        "published_at": scene.notice["published_at"],
        "deadline": scene.notice["deadline"],
        "key_set_fingerprint": scene.notice["opening"]["fingerprint"],
    }


async def _is_public(scene: Scene) -> bool:
    answer = await scene.stage.anonymous.attempt("GET", f"{NOTICES}/notices/{scene.notice['notice_id']}")
    return answer.status == 200


async def read_journals(scene: Scene) -> Proof:
    """Anybody reads where the notice appeared, with its numbers: the Official Journal before all others."""
    if scene.notice["sent_at"] is None:
        raise NotApplicable("it is published on the platform alone")
    found = await eventually(partial(_appeared, scene), "the publication by every journal")
    taken = await scene.officials.secretary.api.get(f"{NOTICES}/notices/{scene.notice['notice_id']}/publications")
    way = {each["channel"]: each for each in taken["items"]}
    journal, platform = way["joue"], scene.notice["published_at"]
    require(journal["received_at"] <= platform, "the platform published before the Official Journal had the notice")
    require(way["boamp"]["sent_at"] >= journal["accepted_at"], "the BOAMP had the notice before the Official Journal")
    return {each["channel"]: each["number"] or each["link"] for each in found}


async def _appeared(scene: Scene) -> list[dict[str, Any]] | None:
    page = await scene.stage.anonymous.get(f"{NOTICES}/notices/{scene.notice['notice_id']}/publications")
    channels = {each["channel"] for each in page["items"]}
    return list(page["items"]) if channels >= {"joue", "boamp", "profile"} else None


async def find(scene: Scene) -> Proof:
    """Anybody finds it: by words, with and without accents, by CPV, by department, by deadline."""
    word = telling_word(scene)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    questions: dict[str, Question] = {
        "words": {"q": word},
        "without_accents": {"q": plain},
        "cpv": {"cpv": scene.notice["cpv"][0][:2]},
        "deadline": {"deadline_after": scene.notice["published_at"]},
    }
    if scene.notice["departments"]:
        questions["department"] = {"department": scene.notice["departments"][0]}
    for kind, question in questions.items():
        await eventually(partial(_found, scene, question), f"search by {kind}: {question}")
    return {kind: next(iter(question.values())) for kind, question in questions.items()}


async def _found(scene: Scene, question: Question) -> bool:
    cursor: Question = {}
    while True:
        page = await scene.stage.anonymous.get(f"{NOTICES}/notices", question | cursor)
        if any(item["notice_id"] == scene.notice["notice_id"] for item in page["items"]):
            return True
        if not page["next"]:
            return False
        cursor = {"cursor": page["next"]}


async def hear(scene: Scene) -> Proof:
    """One mail reached the company, one signed webhook the partner; the API tells the same."""
    match = await eventually(partial(_sent_match, scene), "the match and its mail")
    email = scene.bidders[0].email
    told = [mail for mail in scene.stage.captures.mails if mail.to == email and _about(scene, mail.text)]
    require(len(told) == 1, f"{len(told)} mails about the notice instead of one")
    hook = await eventually(partial(_hook, scene), "the webhook")
    await eventually(partial(_attempt, scene, hook), "the webhook's attempt in the list")
    return {
        "mail_to": email,
        "mail_subject": told[0].subject,
        "message_id": told[0].message_id,
        "reasons": match["reasons"],
        "webhook_id": hook,
        "webhook_signature": "v1, verified with the partner's secret",
    }


def _about(scene: Scene, text: str) -> bool:
    return scene.notice["notice_id"] in text or scene.notice["title"] in text


async def _sent_match(scene: Scene) -> dict[str, Any] | None:
    watcher = scene.company(scene.bidders[0].organisation).api
    page = await watcher.get(f"/alerts/v1/searches/{scene.search['search_id']}/matches")
    for match in page["items"]:
        mail = match["mail"] or {}
        if match["notice_id"] == scene.notice["notice_id"] and mail.get("state") == "sent":
            return dict(match)
    return None


async def _hook(scene: Scene) -> str | None:
    received = scene.stage.captures.verified_webhooks(scene.stage.webhook["secret"])
    found = [hook for hook in received if scene.notice["notice_id"] in hook.body]
    require(len(found) <= 1, f"{len(found)} webhooks for one publication")
    return found[0].id if found else None


async def _attempt(scene: Scene, hook: str) -> bool:
    path = f"/alerts/v1/webhooks/{scene.stage.webhook['webhook_id']}/attempts"
    page = await scene.stage.partner.api.get(path, {"limit": "100"})
    return any(attempt["event_id"] == hook for attempt in page["items"])
