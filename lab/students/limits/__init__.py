"""Networks beside a limit of theirs: one basin of all data, and infinite width."""
