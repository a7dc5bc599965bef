"""What the API of the service reads: every input is checked here, and refused with what to mend."""
