"""Transmission of acts to the State's legality control (@CTES)."""
