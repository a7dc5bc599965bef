"""Late bids, bids by other channels and backup copies: what the buyer may admit or open, by a reasoned and proved decision.

Late bids are received, kept and never opened, unless the buyer admits one: a fault of the platform may not be held against
a diligent bidder (CE 23 September 2021, 449250; CE 13 November 2025, 506640). See docs/applications.md.
"""
