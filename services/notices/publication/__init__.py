"""The publication of notices: channels, when each may have a notice, what it is given, and how it is reached."""
