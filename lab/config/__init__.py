"""The front end of study files: a TOML text, panels and overrides, and the study made of them."""
