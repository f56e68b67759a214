"""`python -m accord` is the program `accord`."""

from accord.cli.main import main

if __name__ == "__main__":
    main()
