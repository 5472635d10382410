"""``groundswell`` and ``python -m groundswell``."""

import sys


def main() -> None:
    """Run the command line. ``--version`` is answered before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        from groundswell import __version__

        sys.stdout.write(f"groundswell {__version__}\n")
        return
    from groundswell.cli import cli

    cli(prog_name="groundswell")


if __name__ == "__main__":
    main()
