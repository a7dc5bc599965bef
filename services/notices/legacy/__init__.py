"""Notices of before eForms, published elsewhere and read as history: TED (2014-2022, flattened) and the old national BOAMP form."""
