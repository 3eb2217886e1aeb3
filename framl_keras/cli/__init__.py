"""framl-keras …: one small file a command. A command is imported only when it is called."""

from framl_keras.cli.group import main

__all__ = ["main"]
