"""Measures runtime and launcher here, with `ao-start` replaced by a tiny program; nothing is asserted."""
