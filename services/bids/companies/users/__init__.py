"""Who acts for a company: one administrator, users whom he invites by mail, dated records of the platform."""
