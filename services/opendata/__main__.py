"""`python -m services.opendata api|worker|relay|migrate|check|...`."""

from libs.common.run import main
from services.opendata.wiring import SERVICE

main(SERVICE)
