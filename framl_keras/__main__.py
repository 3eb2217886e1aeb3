"""`python -m framl_keras`: the command line, where no script is on the path."""

from framl_keras.cli import main

if __name__ == "__main__":
    main()
