"""People who get alerts: an address and its confirmation suffice; what they ask, see, mute, and take away with them."""
