"""Fixtures for all tests: see libs/common/testing/plugin.py and tests/bus/management.py."""

pytest_plugins = ["libs.common.testing.plugin", "tests.bus.management"]
