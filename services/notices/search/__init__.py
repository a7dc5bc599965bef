"""The search of published notices: what is asked, what is indexed, and the index that each api process keeps.

`text` and `asked` say what words are, `places` where a notice is, `criteria` what may be asked, `fields` what is indexed;
`index` answers. PostgreSQL stays the truth (docs/adr/0022).
"""

from services.notices.search.text import body_text, cpv_branches, fold, plain

__all__ = ["body_text", "cpv_branches", "fold", "plain"]
