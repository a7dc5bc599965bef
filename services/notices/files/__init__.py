"""Files of buyers, whatever they hold: their format, their names, all of them in one archive."""
