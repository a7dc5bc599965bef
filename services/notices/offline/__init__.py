"""What the offline tools do with files: find the notices in them, read them on every core, say how far they are."""
