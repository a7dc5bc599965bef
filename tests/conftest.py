"""Fixtures for all tests: see libs/common/testing/plugin.py."""

pytest_plugins = ["libs.common.testing.plugin"]
