"""Settings of the bids service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.mail.settings import MailSettings

__all__ = ["BidsSettings"]


class BidsSettings(MailSettings):
    """Where invitations are mailed from, and limits that are announced to bidders before the first byte (`GET /consultations/{procedure}`)."""

    max_bid_bytes: int = Field(default=20 * 2**30, ge=1)
    """Bytes of one bid, all files together, as sealed; refused at creation, never after hours of upload."""
    seal_file: Path | None = None
    """The platform's seal: its private key (PKCS #8), its certificate and those above it, PEM. None: papers are not sealed."""
    openings_key_file: Path | None = None
    """Keys that wrap those of openings: 32 bytes in base64, one a line, the newest first. None: derived from `secret`, in the
    sandbox only."""
    clamd: str | None = None
    """The malware scanner: `tcp://host:3310` or `unix:///run/clamav/clamd.ctl`. None: what is opened is not scanned."""
    help_url: str | None = None
    """The manual, or the page of the support; shown with its mail address, its telephone and its hours (`GET /help`)."""
    help_mail: str | None = None
    help_phone: str | None = None
    help_hours: str | None = None
    stamp_seconds: float = Field(default=1.5, gt=0)
    """How long a depositor waits for the time stamp; then the receipt is given with the stamp pending."""
    reminder_after: timedelta = Field(default=timedelta(days=2), gt=timedelta())
    """How long a letter stays unread before its addressee is reminded, once."""
    upload_expiry: timedelta = Field(default=timedelta(days=7), gt=timedelta())
    """How long an unfinished upload is kept after its last byte."""
    company_data_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where official data of companies are asked for; None: companies fill their file in themselves."""
    company_data_token: SecretStr = SecretStr("")
    company_data_recipient: str = Field(default="", max_length=14)
    """SIRET of who is responsible for the platform: API Entreprise asks each caller for whom the data are."""

    def unsafe(self) -> list[str]:
        """Give the reasons why production must not start with these settings."""
        missing = {
            "HALLES_OPENINGS_KEY_FILE is missing: what opens deposited bids would hang on the secret that all services share; "
            "make a key of its own (docs/runbooks/keys-of-bids.md)": self.openings_key_file is None,
            "HALLES_SEAL_FILE is missing: receipts and reports would bear no seal (docs/runbooks/keys-of-bids.md)": (
                self.seal_file is None
            ),
        }
        return [*super().unsafe(), *(fault for fault, present in missing.items() if present)]
