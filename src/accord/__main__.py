"""`python -m accord` is the program `accord`."""

from accord.cli import main

if __name__ == "__main__":
    main()
