"""What a service says of its HTTP routes: data, read by the server and by the OpenAPI generator alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.common.errors import HallesError

__all__ = ["Handler", "Route", "Routes"]

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: the handler's annotations say what it reads, its docstring what it does."""

    method: str
    path: str
    """Below the service's prefix: `/v1/notices/{notice_id}`."""
    handler: Handler
    status: int = 200
    errors: tuple[type[HallesError], ...] = ()
    """The refusals worth telling, beyond those that every operation may give."""
    tag: str = ""
    accepts: tuple[str, ...] = ()
    """Media types of a body that is not JSON (`body: bytes` or `request: web.Request`); others are refused (415)."""
    produces: tuple[str, ...] = ()
    """Media types of an answer that is not JSON."""
    limit: int | None = None
    """Bytes of the body at most; `HALLES_MAX_BODY_BYTES` when None."""
    location: str | None = None
    """Template of the `Location` header, filled from the answer: `/v1/notices/{notice_id}`."""
    cache: int = 0
    """Seconds an answer that is the same for everybody may be kept by caches."""


@dataclass
class Routes:
    """The routes of one service, or of one subject of it (`include` gathers them)."""

    service: str
    items: list[Route] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401  # the fields of Route
        """Read something; `HEAD` comes with it. Options are the fields of Route."""
        return self._register("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Create or do something; takes an `Idempotency-Key` when the handler has a Uow."""
        return self._register("POST", path, options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Set something whole."""
        return self._register("PUT", path, options)

    def patch(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Change a part of something."""
        return self._register("PATCH", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Remove something."""
        return self._register("DELETE", path, options)

    def head(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Tell the headers of something that is itself not served."""
        return self._register("HEAD", path, options)

    def options(self, path: str, **options: Any) -> Callable[[H], H]:  # noqa: ANN401
        """Tell what can be done here, where that is more than the methods; its answer has `Allow`."""
        return self._register("OPTIONS", path, options)

    def include(self, other: Routes) -> None:
        """Serve the routes of another subject too."""
        self.items.extend(other.items)

    def _register(self, method: str, path: str, options: dict[str, Any]) -> Callable[[H], H]:
        def register(handler: H) -> H:
            self.items.append(Route(method, path, handler, **_frozen(options)))
            return handler

        return register


def _frozen(options: dict[str, Any]) -> dict[str, Any]:
    sequences = {"errors", "accepts", "produces"}
    return {
        name: tuple(value) if name in sequences and _is_sequence(value) else value for name, value in options.items()
    }


def _is_sequence(value: object) -> bool:
    if isinstance(value, str):
        raise TypeError("a list of media types is expected, not one string")
    return isinstance(value, Sequence)
