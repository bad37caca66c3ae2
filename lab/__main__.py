"""`python -m lab` is `lab`; importing this has no effect."""

from lab.cli import main

if __name__ == "__main__":
    main()
