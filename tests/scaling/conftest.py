"""Every shape in a signature of lab.scaling is checked while these tests run."""

from jaxtyping import install_import_hook

hook = install_import_hook("lab.scaling", "beartype.beartype")
