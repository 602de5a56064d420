"""What pytest looks through before each test may grow meanwhile."""

from __future__ import annotations

import logging


def test_a_logger_that_is_made_meanwhile_stops_no_test() -> None:
    for number, _logger in zip(range(2), logging.root.manager.loggerDict.values(), strict=False):
        logging.getLogger(f"made.meanwhile.{number}")
