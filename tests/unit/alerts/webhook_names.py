"""A name server of ours, for the tests of webhooks."""

from __future__ import annotations


class ChangingLookup:
    """A resolver of ours whose answer changes at each call: DNS rebinding."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
