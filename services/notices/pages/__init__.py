"""A notice to be read and put up in the town hall: an accessible page and a tagged PDF (PDF/UA-1) that say the same."""
