"""The search of published notices: what is asked, what is indexed, and the index that each api process keeps.

What words and places mean is shared with the alerts (libs/common/search); `criteria` says what may be asked, `fields` what is
indexed; `index` answers. PostgreSQL stays the truth (docs/adr/0022).
"""
