"""The notices service: the single access point of the region to public tenders."""
