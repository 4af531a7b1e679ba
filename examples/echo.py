"""The smallest server: it sends back what comes.

portside serve examples/echo.py:handle --bind localhost:8000
portside dial localhost:8000
"""

import asyncio
import sys

from portside.aio import Stream, serve


async def handle(stream: Stream) -> None:
    """Serve one client until it hangs up."""
    async for chunk in stream:
        await stream.write(chunk)


async def main(targets: list[str]) -> None:
    """Serve until Ctrl-C, without the command."""
    async with serve(handle, *targets) as server:
        print("echoing on", server, flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:] or ["localhost:8000"]))
    except KeyboardInterrupt:
        print("bye")
