"""The ``portside`` command: its commands, and what becomes of their errors.

Each command is a module of this package, imported when it is called, so that starting one
costs nothing for the others.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

import portside
from portside.errors import AddressError, BindError, ConnectError, PortsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main", "portside_command", "reading_certificates"]

# What each is for, as the list of commands has it, without the module that does it.
_COMMANDS: Final = {
    "dial": "Connect to TARGET and talk to it: stdin there, stdout back.",
    "serve": "Serve APP until Ctrl-C or SIGTERM.",
}

YES: Final = 0
NO: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
DEADLINE: Final = 124
INTERRUPTED: Final = 130

_EPILOG: Final = """\b
Addresses are written host:port, :port (this machine only), [::1]:port,
tls://host:port, unix:/path, unix:@name; tcp://*:port is every interface.

\b
Data goes to stdout, everything else to stderr. Exit status: 0 yes, 1 no,
2 usage, 3 could not find out, 124 too late, 130 interrupted.
"""


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            guess = difflib.get_close_matches(cmd_name, _COMMANDS, 1)
            hint = f" Did you mean {guess[0]!r}?" if guess else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        module: Any = importlib.import_module(f"portside.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.command(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(portside.__version__, prog_name="portside", message="%(prog)s %(version)s")
def portside_command() -> None:
    """Sockets, from the command line: serve a handler, talk to a service."""


@contextlib.contextmanager
def reading_certificates() -> Iterator[None]:
    """Have a file that cannot be used be told as a mistake in the arguments."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise click.UsageError(f"{error.filename} cannot be read: {reason}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def main() -> None:
    """Run the command, and turn every error into one line and an exit status."""
    sys.exit(_status())


def _status() -> int:
    try:
        status = portside_command.main(prog_name="portside", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        _complain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough, as ``| head`` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except (PortsideError, OSError, ValueError) as error:
        click.echo(f"portside: {error}", err=True)
        return _status_of(error)
    return status if isinstance(status, int) else YES


def _complain(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
    click.echo(f"portside: {error.format_message()}", err=True)
    if context is not None:
        click.echo(f"portside: more with: {context.command_path} --help", err=True)


def _status_of(error: Exception) -> int:
    if isinstance(error, TimeoutError):
        return DEADLINE
    if isinstance(error, ConnectError):
        return NO
    if isinstance(error, BindError):
        return UNKNOWN
    if isinstance(error, AddressError | ValueError):
        return USAGE
    return NO if isinstance(error, PortsideError | ConnectionError) else UNKNOWN
