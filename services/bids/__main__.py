"""`python -m services.bids`: the processes of the service and its offline tools."""

import sys

from services.bids.sealing import hardening

if __name__ == "__main__":
    if sys.argv[1:2] == ["api"]:  # plaintext passes through it: before anything else is loaded
        hardening.start_again_hardened()
        from services.bids.sealing.onfly_process import start_ahead

        start_ahead()
    from libs.common.run import main
    from services.bids.wiring import SERVICE

    main(SERVICE)
