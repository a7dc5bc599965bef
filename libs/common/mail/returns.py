"""The return path of each mail (VERP): it names the mail and its address under a signature, so that nobody forges a bounce."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from libs.common.mail.settings import ReturnSettings

__all__ = ["Returned", "digest_of", "read_return_path", "return_path"]

_MAC = 12
_MARK = 6
_LENGTH = 16 + _MARK + _MAC
_FORM = re.compile(r"^([a-z])\+([a-z2-7]{55})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a return path names."""

    mail_id: UUID
    mark: bytes
    """The beginning of the digest of the address that the mail went to."""

    def names(self, digest: bytes) -> bool:
        """Tell whether the mail went to this address."""
        return hmac.compare_digest(self.mark, digest[:_MARK])


def digest_of(settings: ReturnSettings, address: str) -> bytes:
    """Give what an address is known by in the suppression list: without the secret nobody reads it back."""
    key = settings.secret.get_secret_value().encode()
    return hmac.digest(key, b"address:" + address.strip().lower().encode(), hashlib.sha256)


def return_path(settings: ReturnSettings, mail_id: UUID, address: str) -> str | None:
    """Give where mail servers report that a mail did not arrive; None where nothing reads such reports.

    Lower-case letters and digits only: some mail servers fold the case of a local part (64 characters at most, RFC 5321).
    """
    if settings.mail_return_domain is None:
        return None
    content = mail_id.bytes + digest_of(settings, address)[:_MARK]
    return f"{settings.return_mailbox}+{_written(content + _sign(settings, content))}@{settings.mail_return_domain}"


def read_return_path(settings: ReturnSettings, address: str) -> Returned | None:
    """Give what a return path names; None when we did not make it."""
    form = _FORM.match(address.strip())
    if form is None or form[1].lower() != settings.return_mailbox:
        return None
    try:
        raw = base64.b32decode(form[2].upper() + "=" * (-len(form[2]) % 8))
    except binascii.Error:
        return None
    content, mac = raw[:-_MAC], raw[-_MAC:]
    if (
        len(raw) != _LENGTH
        or _written(raw) != form[2].lower()
        or not hmac.compare_digest(mac, _sign(settings, content))
    ):
        return None
    return Returned(UUID(bytes=content[:16]), content[16:])


def _written(raw: bytes) -> str:
    """Give a token in its one form: the last letter has bits that nothing signs."""
    return base64.b32encode(raw).rstrip(b"=").decode().lower()


def _sign(settings: ReturnSettings, content: bytes) -> bytes:
    purpose = f"return:{settings.return_mailbox}:".encode()
    return hmac.digest(settings.secret.get_secret_value().encode(), purpose + content, hashlib.sha256)[:_MAC]
