"""The bidder's side in JavaScript: sealing and depositing for portals, and the check of a workstation (docs/sealing.md, 11)."""
