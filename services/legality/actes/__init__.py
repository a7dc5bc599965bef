"""The ACTES exchange format (schema v1.1): names, messages, envelopes, archives; strict when written, lenient when read."""
