"""`python -m tests.e2e.greeter`: a service of a few lines, to test what runs every service."""

from libs.common.run import main
from tests.e2e.greeter.wiring import SERVICE

main(SERVICE)
