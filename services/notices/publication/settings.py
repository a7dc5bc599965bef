"""Settings of the publication channels: an address and a credential each; without them a channel is unavailable."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from libs.common.settings import Settings

__all__ = ["ChannelSettings", "PaperSettings"]


class PaperSettings(BaseModel):
    """A legal-notice paper or site (support habilité à recevoir des annonces légales)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^(shal|jal)(-[a-z0-9]+)+$", max_length=60)
    name: str
    departments: tuple[str, ...] = ()
    """Where it appears; empty: everywhere."""
    url: str
    credential: SecretStr


class ChannelSettings(Settings):
    """How the platform reaches its publication channels."""

    joue_url: str | None = None
    """The Publication API of the Publications Office, up to its version: `https://.../api/v2/notice`."""
    joue_credential: SecretStr | None = None
    joue_contact: str = "publication@halles.test"
    """Address of the author of a notice whose buyer gives none."""
    boamp_url: str | None = None
    boamp_credential: SecretStr | None = None
    papers: tuple[PaperSettings, ...] = ()
    """Legal-notice papers and sites (JSON list)."""
    follow_seconds: float = Field(default=60, gt=0)
    """Until a channel is asked for the first time what became of a notice; then more and more rarely, half an hour at most."""

    def unsafe(self) -> list[str]:
        """Give the reasons why production must not start with these settings."""
        addresses = {"HALLES_JOUE_URL": self.joue_url, "HALLES_BOAMP_URL": self.boamp_url}
        addresses |= {f"HALLES_PAPERS, {paper.code}": paper.url for paper in self.papers}
        plain = [
            f"{name}={url}: notices leave over https:// only"
            for name, url in addresses.items()
            if url and not url.startswith("https://")
        ]
        keyless = [
            f"HALLES_{code}_CREDENTIAL is missing: the channel would refuse every notice"
            for code, url, credential in (
                ("JOUE", self.joue_url, self.joue_credential),
                ("BOAMP", self.boamp_url, self.boamp_credential),
            )
            if url and credential is None
        ]
        lost = self.joue_url is not None and self.joue_contact.endswith(".test")
        nobody = ["HALLES_JOUE_CONTACT is missing: the Publications Office would write to nobody"] if lost else []
        return [*super().unsafe(), *plain, *keyless, *nobody]
