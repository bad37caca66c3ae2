"""beartype for the import hook: an int is a float here, as it is to type checkers (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
