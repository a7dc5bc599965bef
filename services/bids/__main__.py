"""`python -m services.bids`: the processes of the service and its offline tools."""

from libs.common.run import main
from services.bids.wiring import SERVICE

main(SERVICE)
