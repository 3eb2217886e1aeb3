"""What a command does, as a function: one file each, re-exported by `framl_keras`."""
