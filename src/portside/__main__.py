"""``python -m portside``: the command."""

from portside.cli.main import main

if __name__ == "__main__":
    main()
