"""What of a notice is public, in whatever form it leaves (docs/publication.md, decision 30)."""

from services.notices.disclosure.public import public_file, public_record, public_xml
from services.notices.disclosure.withheld import read_withheld, term_of

__all__ = ["public_file", "public_record", "public_xml", "read_withheld", "term_of"]
