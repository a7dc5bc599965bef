"""`python -m services.alerts api|worker|relay|migrate|match|...`."""

from libs.common.run import main
from services.alerts.wiring import SERVICE

main(SERVICE)
