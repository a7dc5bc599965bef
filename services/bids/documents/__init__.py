"""The papers people read: receipts, reports, letters, contracts. French first; PDF by typst."""
