"""Reading and checking of eForms notices (regulation (EU) 2019/1780; SDK 1.15, older ones with a warning)."""
