"""The page that lists every event: who is told and when, its members, an example, its schema.

Plain HTML made from the registry: no script, no inline style, nothing from outside; it is read by a screen reader, in a
text browser, on paper.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import escape
from typing import Any

from libs.common.http.events_words import AUDIENCES, COMMON, ENVELOPE, EVENTS
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.schemas import dump, envelope_schema, sample_of, schema

__all__ = ["PATH", "POLICY", "body", "schema_path", "schemas"]

PATH = "/docs/events/list"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ENVELOPE = "cloudevent"
_KINDS = {"string": "texte", "integer": "nombre entier", "number": "nombre", "boolean": "vrai ou faux", "null": "null"}
_FORMATS = {"date-time": "date et heure (RFC 3339)", "uuid": "UUID", "date": "date"}

Schema = Mapping[str, Any]


def schema_path(name: str) -> str:
    """Give where the JSON Schema of a type is served, for as long as the type exists."""
    return f"/docs/events/schemas/{name}.json"


def schemas() -> dict[str, Callable[[], str]]:
    """Give the schemas to serve, by path: each event's, and the envelope's."""
    served = {schema_path(_ENVELOPE): lambda: dump(envelope_schema())}
    return served | {schema_path(name): partial(_schema, model) for name, model in registry.all_types().items()}


def body(services: Mapping[str, tuple[str, str]]) -> str:
    """Give the content of the page; `services`: what each is for, in French and English, in the order to show them."""
    types = registry.all_types()
    groups = {name: {kind: model for kind, model in types.items() if kind.startswith(f"{name}.")} for name in services}
    content = "".join(_service(name, services[name][0], models) for name, models in groups.items() if models)
    return f"""<a class="skip" href="#contenu">Aller au contenu</a>
<header class="bar"><nav aria-label="Documentation"><a href="/docs">Halles : les API</a>
<a href="/docs/events">Document AsyncAPI</a></nav></header>
<main id="contenu" class="page"><h1>Les événements</h1>
{_INTRODUCTION}
<nav aria-labelledby="sommaire"><h2 id="sommaire">Sommaire</h2><ul>
<li><a href="#enveloppe">L'enveloppe</a></li><li><a href="#communs">Les membres communs</a></li>
{_contents(groups)}<li><a href="#parties">Les parties communes à plusieurs événements</a></li></ul></nav>
{_envelope()}{_common()}{content}{_parts(types.values())}</main>"""


_INTRODUCTION = """<p>Chaque événement est un CloudEvent 1.0 en JSON. Suivez-les par le flux de chaque service
(<code>GET /&lt;service&gt;/v1/events</code>) ou par un webhook signé du service alerts. Un même événement peut arriver deux fois :
écartez le second par son <code>id</code>. Dans une version majeure, seuls des membres facultatifs s'ajoutent : ignorez ceux que vous
ne connaissez pas.</p>
<p lang="en">Each event is a CloudEvent 1.0 in JSON. Follow them by the feed of each service or by a signed webhook; drop a second
copy by its <code>id</code>. Within a major version only optional members are added: ignore those you do not know.</p>"""


def _schema(model: type[Event]) -> str:
    return dump(schema(model))


def _contents(groups: Mapping[str, Mapping[str, type[Event]]]) -> str:
    def entries(models: Iterable[str]) -> str:
        return "".join(f'<li><a href="#{kind}"><code>{kind}</code></a></li>' for kind in models)

    return "".join(f"<li>{name}<ul>{entries(models)}</ul></li>\n" for name, models in groups.items() if models)


def _service(name: str, told: str, models: Mapping[str, type[Event]]) -> str:
    events = "".join(_event(model) for model in models.values())
    return f'<section aria-labelledby="service-{name}"><h2 id="service-{name}">{name} : {escape(told)}</h2>\n{events}</section>\n'


def _event(model: type[Event]) -> str:
    kind = model.type
    found = schema(model)
    own = {name: part for name, part in found["properties"].items() if name not in COMMON}
    example = escape(json.dumps(json.loads(sample_of(model).to_json()), ensure_ascii=False, indent=2))
    english = escape(" ".join((model.__doc__ or "").split()))
    return f"""<article aria-labelledby="{kind}"><h3 id="{kind}"><code>{kind}</code></h3>
<p>{escape(EVENTS.get(kind, ""))}</p><p lang="en">{english}</p>
<dl>{_told(model)}<dt>Schéma</dt><dd><a href="{schema_path(kind)}">JSON Schema de <code>{kind}</code></a></dd></dl>
{_table(f"Membres propres à {kind}", own, found.get("required", ()))}
<details><summary>Exemple de <code>{kind}</code></summary>
<pre tabindex="0" role="region" aria-label="Exemple de {kind}"><code>{example}</code></pre></details></article>
"""


def _told(model: type[Event]) -> str:
    who, when = AUDIENCES[model.audience]
    later = ""
    if model.buyer_after:
        gate = f'<a href="#{model.buyer_after}"><code>{model.buyer_after}</code></a>'
        later = f"<dd>L'acheteur : à partir de {gate} dans la même procédure</dd>"
    feed = f"/{model.type.split('.', 1)[0]}/v1/events?types={model.type}"
    read = "" if model.audience is Audience.INTERNAL else f"<dt>Flux</dt><dd><code>GET {feed}</code></dd>"
    return f"<dt>Qui l'apprend, et quand</dt><dd>{who} : {when}</dd>{later}{read}"


def _envelope() -> str:
    found = envelope_schema()
    table = _table("Membres de l'enveloppe", found["properties"], found["required"], ENVELOPE)
    return f"""<section aria-labelledby="enveloppe"><h2 id="enveloppe">L'enveloppe</h2>{table}
<p><a href="{schema_path(_ENVELOPE)}">JSON Schema de l'enveloppe</a></p></section>
"""


def _common() -> str:
    found = Event.model_json_schema(mode="serialization")
    table = _table("Membres de data dans tout événement", found["properties"], found["required"], COMMON)
    return f'<section aria-labelledby="communs"><h2 id="communs">Les membres communs</h2>{table}</section>\n'


def _parts(models: Iterable[type[Event]]) -> str:
    parts = {name: part for model in models for name, part in schema(model).get("$defs", {}).items()}
    tables = "".join(_part(name, parts[name]) for name in sorted(parts))
    return f"""<section aria-labelledby="parties"><h2 id="parties">Les parties communes à plusieurs événements</h2>
{tables}</section>"""


def _part(name: str, part: Schema) -> str:
    told = f'<p lang="en">{escape(" ".join(part.get("description", "").split()))}</p>'
    table = _table(f"Membres de {name}", part.get("properties", {}), part.get("required", ()))
    return f'<article aria-labelledby="partie-{name}"><h3 id="partie-{name}">{name}</h3>{told}{table}</article>\n'


def _table(
    caption: str, members: Mapping[str, Schema], required: Iterable[str], words: Mapping[str, str] | None = None
) -> str:
    if not members:
        return "<p>Aucun membre propre.</p>"
    needed = set(required)
    rows = "".join(_row(name, part, name in needed, (words or {}).get(name)) for name, part in members.items())
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Membre", "Type", "Présence", "Description"))
    return f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(name: str, part: Schema, needed: bool, french: str | None) -> str:
    told = escape(french) if french else _english(part.get("description", ""))
    presence = "obligatoire" if needed else "facultatif"
    kind = f"<td>{_kind(part)}</td><td>{presence}</td>"
    return f'<tr><th scope="row"><code>{name}</code></th>{kind}<td>{told}</td></tr>'


def _english(text: str) -> str:
    return f'<span lang="en">{escape(text)}</span>' if text else ""


def _kind(part: Schema) -> str:
    """Say a type in French; parts lead to their own table."""
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#partie-{name}">{name}</a>'
    if "anyOf" in part:
        return " ou ".join(_kind(one) for one in part["anyOf"])
    values = part.get("enum") or ([part["const"]] if "const" in part else [])
    if values:
        return "une valeur parmi " + ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if part.get("type") == "array":
        return f"liste : {_kind(part.get('items', {}))}{_bounds(part)}"
    if part.get("type") == "object":
        return "objet"
    plain = _FORMATS.get(part.get("format", ""), _KINDS.get(part.get("type", ""), "toute valeur"))
    return plain + _bounds(part)


def _bounds(part: Schema) -> str:
    said = {
        "minimum": "au moins {}", "maximum": "au plus {}", "minLength": "au moins {} caractères",
        "maxLength": "au plus {} caractères", "minItems": "au moins {}", "maxItems": "au plus {}",
    }  # fmt: skip
    found = [words.format(part[name]) for name, words in said.items() if name in part]
    if "pattern" in part:
        found.append(f"de la forme <code>{escape(part['pattern'])}</code>")
    return f", {', '.join(found)}" if found else ""
