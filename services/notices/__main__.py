"""`python -m services.notices api|worker|relay|migrate|check|import|...`."""

from libs.common.run import main
from services.notices.wiring import SERVICE

main(SERVICE)
