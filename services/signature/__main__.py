"""`python -m services.signature api|worker|relay|migrate|verify...`."""

from libs.common.run import main
from services.signature.wiring import SERVICE

main(SERVICE)
