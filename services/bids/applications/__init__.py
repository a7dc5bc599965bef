"""What a bid is made of: documents by kind, groups of companies, subcontractors, what is missing. See docs/applications.md."""
