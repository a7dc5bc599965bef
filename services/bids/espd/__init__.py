"""ESPD (in France DUME): the European self-declaration, UBL XML in and out, and JSON. See docs/applications.md."""
