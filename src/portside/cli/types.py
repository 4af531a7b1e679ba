"""Arguments as people write them: targets and durations."""

from __future__ import annotations

import re
from typing import Final

import click

from portside.addresses import Address

__all__ = ["DURATION", "TARGET", "seconds"]

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")


class Target(click.ParamType[Address]):
    """An address, such as ``:8000`` or ``tls://example.com:443``."""

    name = "target"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        try:
            return Address.of(value)  # type: ignore[arg-type]  # it says what it does not take
        except (ValueError, TypeError) as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """A time with a unit: ``300ms``, ``2s``, ``1.5m``, ``1h``; plain numbers are seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration: expected 300ms, 2s, 1.5m or 1h", param, ctx)
        number, unit = match.groups()
        return float(number) * _UNITS[unit]


def seconds(number: float) -> str:
    """Return a time as it could have been written."""
    return f"{number:g}s"


TARGET: Final = Target()
DURATION: Final = Duration()
