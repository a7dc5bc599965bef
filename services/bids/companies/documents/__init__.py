"""Documents of the file of a company: attached once, kept in versions with their expiry, copied into its bids."""
