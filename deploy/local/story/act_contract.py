"""Chapters 5 to 7: both parties sign, the State acknowledges, the contract is notified, its award notice published."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from functools import partial

from deploy.local.story.cast import Person
from deploy.local.story.client import eventually, require
from deploy.local.story.report import NotApplicable, Proof
from deploy.local.story.scene import Json, Scene
from libs.common.timestamp import HttpTimestampAuthority
from services.signature.signer import sign_pdf, sign_prepared

NOTICES = "/notices/v1"

__all__ = ["award_notice", "buyer_signs", "notify", "set_circuit", "transmit", "winner_signs"]

PDF = "application/pdf"


async def set_circuit(scene: Scene) -> Proof:
    """The buyer's circuit: a visa, then the signature."""
    reviewer, signatory = scene.officials.reviewer, scene.officials.signatory
    steps = [
        {"action": "visa", "person": reviewer.subject, "function": scene.script.functions[0]},
        {"action": "signature", "person": signatory.subject, "function": scene.script.functions[1]},
    ]
    await scene.officials.secretary.api.call("PUT", "/signature/v1/circuit", expect=200, json={"steps": steps})
    return {"steps": [f"{step['action']}: {step['function']}" for step in steps]}


async def winner_signs(scene: Scene) -> Proof:
    """Each winner signs the contract with its own tool, time-stamped, and sends it."""
    if scene.formal:
        until = datetime.fromisoformat(scene.awards[-1]["standstill_until"])
        await scene.stage.jump_to(until + timedelta(minutes=1), "eleven days of standstill (R2182-1)")
    digests = []
    for award in scene.awards:
        winner = scene.company(award["winner"])
        path = f"/bids/v1/contracts/{award['contract_id']}"
        pdf = (await winner.api.call("GET", f"{path}/document", expect=200)).body
        signed = await _sign_as(scene, winner, pdf)
        answer = await winner.api.call("PUT", f"{path}/winner-signature", expect=200, data=signed, content_type=PDF)
        digests.append(answer.json["document_sha256"])
    return {"contracts": len(digests), "documents_sha256": digests[:5], "level": "PAdES B-T"}


async def _sign_as(scene: Scene, winner: Person, pdf: bytes) -> bytes:
    key = scene.stage.key_of(winner)
    authority = HttpTimestampAuthority([f"{scene.stage.base}/tsa"], scene.stage.session)
    return await sign_pdf(pdf, key.key, key.certificate, key.chain, timestamp=authority, at=await scene.stage.now())


async def buyer_signs(scene: Scene) -> Proof:
    """Each contract goes through the circuit; the PDF then carries both signatures, and verifies."""
    secretary = scene.officials.secretary.api
    report: Json = {}
    for award in scene.awards:
        contract = award["contract_id"]
        await secretary.post(f"/bids/v1/contracts/{contract}/signature-request", expect=200)
        request = await eventually(partial(_open_request, scene, contract), "the signature request")
        await _walk_circuit(scene, request)
        await eventually(partial(_in_state, scene, contract, "signed", "cleared"), "the signed contract")
        report = await _verified(scene, contract)
    return {
        "contracts": len(scene.awards),
        "indication": report["indication"],
        "signatures": [f"{each['signer']}, {each['level']}, {each['signed_at']}" for each in report["signatures"]],
        "out_of_turn": "refused",
    }


async def _open_request(scene: Scene, contract: str) -> Json | None:
    page = await scene.officials.secretary.api.get("/signature/v1/requests", {"subject": contract})
    found = page["items"][0] if page["items"] else None
    if found:
        require(found["state"] not in {"blocked", "refused"}, f"the request is {found['state']}: {found['reason']}")
    return found if found and found["state"] == "open" else None


async def _walk_circuit(scene: Scene, request: Json) -> None:
    path = f"/signature/v1/requests/{request['request_id']}/steps"
    signatory, reviewer = scene.officials.signatory, scene.officials.reviewer
    key = scene.stage.key_of(signatory)
    wish = {"certificate": key.certificate_pem, "chain": key.chain_pem}
    out_of_turn = await signatory.api.attempt("POST", f"{path}/2/preparation", json=wish)
    require(out_of_turn.status in {403, 409}, f"the signatory could sign before the visa: {out_of_turn.status}")
    await reviewer.api.post(f"{path}/1/visa", expect=200)
    prepared = await signatory.api.post(f"{path}/2/preparation", wish)
    value = sign_prepared(base64.b64decode(prepared["to_sign"]), key.key)
    await signatory.api.post(f"{path}/2/signature", {"signature": base64.b64encode(value).decode()}, expect=202)


async def _in_state(scene: Scene, contract: str, *states: str) -> Json | None:
    found = await scene.officials.secretary.api.get(f"/bids/v1/contracts/{contract}")
    return dict(found) if found["state"] in states else None


async def _verified(scene: Scene, contract: str) -> Json:
    secretary = scene.officials.secretary.api
    pdf = (await secretary.call("GET", f"/bids/v1/contracts/{contract}/document", expect=200)).body
    answer = await secretary.call("POST", "/signature/v1/verifications", expect=200, data=pdf, content_type=PDF)
    report = dict(answer.json)
    require(report["indication"] == "TOTAL_PASSED", f"the signed contract verifies as {report['indication']}")
    require(len(report["signatures"]) == 2, f"the contract carries {len(report['signatures'])} signatures")
    require(all(each["timestamped"] for each in report["signatures"]), "a signature is not time-stamped")
    return report


async def transmit(scene: Scene) -> Proof:
    """Where the law asks it, each contract goes to the State's legality control, which acknowledges it."""
    contracts = [award["contract_id"] for award in scene.awards]
    exemption = await eventually(partial(_decided, scene, contracts[0]), "the decision on the transmission")
    if "reason" in exemption:
        raise NotApplicable(exemption["reason"])
    acts = [
        await eventually(partial(_acknowledged, scene, contract), "the State's acknowledgement")
        for contract in contracts
    ]
    act = acts[0]
    await _check_archive(scene, act)
    stamped = await scene.officials.secretary.api.call("GET", f"/legality/v1/acts/{act['act_id']}/stamped", expect=200)
    require(stamped.body.startswith(b"%PDF"), "the stamped copy is no PDF")
    return {
        "acts": len(acts),
        "envelope": act["envelope"],
        "archive": act["archive"],
        "act_identifier": act["act_identifier"],
        "acknowledged_at": act["acknowledged_at"],
    }


async def _decided(scene: Scene, contract: str) -> Json | None:
    api = scene.officials.secretary.api
    for path in ("/legality/v1/exemptions", "/legality/v1/acts"):
        page = await api.get(path, {"subject": contract})
        if page["items"]:
            return dict(page["items"][0])
    return None


async def _acknowledged(scene: Scene, contract: str) -> Json | None:
    page = await scene.officials.secretary.api.get("/legality/v1/acts", {"subject": contract})
    if not page["items"]:
        return None
    act = dict(page["items"][0])
    require(act["state"] != "rejected", f"the State rejected the act: {act}")
    return act if act["state"] == "acknowledged" else None


async def _check_archive(scene: Scene, act: Json) -> None:
    path = f"/legality/v1/acts/{act['act_id']}/archive"
    archive = await scene.officials.secretary.api.call("GET", path, expect=200)
    require(archive.body[:2] == b"\x1f\x8b", "the transmission is no tar.gz")
    answer = await scene.officials.foreigner.api.attempt("GET", path)
    require(answer.status in {403, 404}, "another buyer could read the act")


async def notify(scene: Scene) -> Proof:
    """Each contract is notified to its winner, whose dated acknowledgement is recorded."""
    secretary = scene.officials.secretary.api
    for award in scene.awards:
        path = f"/bids/v1/contracts/{award['contract_id']}"
        await eventually(partial(_cleared, scene, award["contract_id"]), "the clearance of the contract")
        await secretary.post(f"{path}/notification", expect=200)
        winner = scene.company(award["winner"])
        answer = await winner.api.call("POST", f"{path}/acknowledgement", expect=200, trace=scene.trace)
        scene.contracts.append(dict(answer.json))
    last = scene.contracts[-1]
    require(bool(last["acknowledged_at"]), "the acknowledgement has no date")
    return {
        "contracts": [contract["number"] for contract in scene.contracts],
        "notified_at": last["notified_at"],
        "acknowledged_at": last["acknowledged_at"],
    }


async def _cleared(scene: Scene, contract: str) -> bool:
    found = await scene.officials.secretary.api.get(f"/bids/v1/contracts/{contract}")
    return bool(found["clearance"])


async def award_notice(scene: Scene) -> Proof:
    """The award notice is published after the notification; the losers had been told long before.

    Where journals published the competition, the buyer completes it for them, and they come first again.
    """
    if scene.notice["sent_at"] is not None:
        made = await eventually(partial(_made, scene), "the award notices that the platform makes")
        for notice in made:
            await _complete(scene, notice)
    found = await eventually(partial(_award_notices, scene), "the award notices")
    notice = found[0]
    return {
        "award_notices": len(found),
        "notice": notice["notice_id"],
        "published_at": notice["published_at"],
        "winner": notice["results"][0]["winner_name"],
    }


async def _made(scene: Scene) -> list[Json] | None:
    """Give the award notices as the buyer sees them, once each contract has its own."""
    shown = await scene.officials.secretary.api.get(f"{NOTICES}/procedures/{scene.procedure}")
    made = [each for each in shown["notices"] if each["kind"] == "award"]
    return made if len(made) >= len(scene.awards) else None


async def _complete(scene: Scene, line: Json) -> None:
    """Say what only the buyer knows of the winners, and send the notice; on the platform alone if journals still refuse."""
    secretary, path = scene.officials.secretary.api, f"{NOTICES}/notices/{line['notice_id']}"
    notice = await secretary.get(path)
    if notice["state"] != "draft":
        return
    results = [_completed(result) for result in notice["results"]]
    await secretary.call("PATCH", path, expect=200, json={"results": results}, version=notice["version"])
    version = notice["version"] + 1
    sent = await secretary.attempt("POST", f"{path}/publications", json={}, version=version)
    if sent.status != 201:
        await secretary.post(f"{path}/publication", version=version)


def _completed(result: Json) -> Json:
    received = result["tenders_received"] or 0
    kinds = {"t-esubm": received, "t-sme": received, "t-large": 0, "t-oth-eea": 0, "t-no-eea": 0}
    winners = [each | {"city": "Dijon", "postal_code": "21000", "size": "small"} for each in result["winners"]]
    names = ("lot_id", "outcome", "tenders_received", "signed_at", "contract_number", "reason")
    value = result["value"]["amount"] if result["value"] else None
    return {name: result[name] for name in names} | {"winners": winners, "value": value, "submissions": kinds}


async def _award_notices(scene: Scene) -> list[Json] | None:
    wanted = {"procedure": scene.procedure, "kind": "award", "limit": "100"}
    page = await scene.stage.anonymous.get("/notices/v1/notices", wanted)
    told = {result["contract_id"] for notice in page["items"] for result in notice["results"]}
    return list(page["items"]) if told >= {award["contract_id"] for award in scene.awards} else None
