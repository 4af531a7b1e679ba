"""Streams of every kind, for the tests of both shells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import Certificates
from portside.aio import Stream
from shells.kinds import KINDS, Pair, pair_of
from worlds import World


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def pair(kind: str, certificates: Certificates, tmp_path: Path) -> Pair:
    """Makes a pair of connected streams of each kind in turn."""

    @asynccontextmanager
    async def make(world: World) -> AsyncIterator[tuple[Stream, Stream]]:
        async with pair_of(world, kind, certificates, tmp_path) as streams:
            yield streams

    return make
