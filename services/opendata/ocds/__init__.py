"""Open Contracting Data Standard 1.1.5: a release for each stage of a procedure that became public."""
