"""What became of old events: files of JSON Lines in object storage, for ever; public ones for anybody."""
