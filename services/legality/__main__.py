"""`python -m services.legality api|worker|relay|migrate|parse...`."""

from libs.common.run import main
from services.legality.wiring import SERVICE

main(SERVICE)
