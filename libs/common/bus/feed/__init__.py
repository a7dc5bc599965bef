"""The feed: what a service published, to whoever may know of it; by page, by long poll, as a stream; broker up or down."""

from libs.common.bus.feed.hub import closing, opened
from libs.common.bus.feed.query import FeedPage, FeedQuery
from libs.common.bus.feed.reading import Page, page
from libs.common.bus.feed.routes import routes

__all__ = ["FeedPage", "FeedQuery", "Page", "closing", "opened", "page", "routes"]
