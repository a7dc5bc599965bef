"""The golden samples: for each type a full and a minimal event, as each release wrote them; parsed for ever.

`libs/common/messages/samples/<release>/` holds the samples of the types that were new or changed in that release;
`SHA256SUMS` beside them lists every file ever released, and a test compares: none is edited, none removed. What is not
released yet has its samples in `unreleased/`, generated again with the code (`make generate`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.samples import minimal_sample, new_sample
from libs.common.schemas import FOLDER, SAMPLES, UNRELEASED, dump, schema

__all__ = ["BASELINE", "SUMS", "digests", "files", "is_released", "release", "stale"]

BASELINE = Path(__file__).resolve().parents[2] / "docs" / "events" / "released"
"""The schemas of the last release; in the repository only."""
SUMS = SAMPLES / "SHA256SUMS"


def is_released(model: type[Event]) -> bool:
    """Say whether a type is as it was released last."""
    path = BASELINE / "written" / f"{model.type}.json"
    return path.exists() and json.loads(path.read_text(encoding="utf-8")) == schema(model)


def files() -> Mapping[str, str]:
    """Give the samples of what is not released yet, by path in the repository."""
    waiting = [model for model in registry.all_types().values() if not is_released(model)]
    made = {}
    for model in waiting:
        place = f"{FOLDER}/samples/{UNRELEASED}/{model.type}"
        made[f"{place}.json"] = _text(new_sample(model))
        made[f"{place}.minimal.json"] = _text(minimal_sample(model))
    return made


def stale() -> list[Path]:
    """Give the unreleased samples of types that are released as they are, or gone."""
    wanted = {Path(path).name for path in files()}
    return [path for path in sorted((SAMPLES / UNRELEASED).glob("*.json")) if path.name not in wanted]


def digests() -> dict[str, str]:
    """Give the digest of every sample ever released, by path from the folder of samples."""
    lines = SUMS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def release(version: str) -> None:
    """Make the unreleased samples those of a release. Raises FileExistsError when it has samples already."""
    made = files()
    for waiting in (SAMPLES / UNRELEASED).glob("*.json"):
        waiting.unlink()
    if not made:
        return
    folder = SAMPLES / version
    folder.mkdir()
    with SUMS.open("a", encoding="utf-8") as sums:
        for path, text in sorted(made.items()):
            name = Path(path).name
            (folder / name).write_text(text, encoding="utf-8")
            sums.write(f"{sha256(text.encode()).hexdigest()}  {version}/{name}\n")


def _text(sample: CloudEvent) -> str:
    return dump(json.loads(sample.to_json()))
