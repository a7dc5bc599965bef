"""`python -m services.notices api|worker|relay|migrate|check|import|...`."""

from libs.common.run import main
from services.notices.wiring import SERVICE

if __name__ == "__main__":  # worker processes import this module too
    main(SERVICE)
