"""One truth per law, and a design on which its parameters can be seen."""

import numpy as np

TRUTHS = {
    "power": dict(beta=3.0, alpha=0.7),
    "power+floor": dict(beta=3.0, alpha=0.7, floor=0.01),
    "m3": dict(beta=3.0, alpha=0.5, gamma=2e-4),
    "m4": dict(beta=30.0, alpha=0.8, floor=0.05, ceiling=1.0, a=0.7),
    "bnsl": dict(a=0.02, b=2.0, c0=0.2, c1=0.5, d1=300.0, f1=0.4),
    "saturating": dict(E=0.9, A=1.5, alpha=0.4),
    "chinchilla": dict(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37),
    "kaplan": dict(N_c=8.8e13, D_c=5.4e13, alpha_N=0.076, alpha_D=0.095),
    "rosenfeld": dict(a=800.0, b=200.0, c=0.5, alpha=0.4, beta=0.3, epsilon0=8.0, eta=8.0),
    "power-mean": dict(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37, q=2.0),
    "max": dict(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37),
    "product": dict(E=0.4, A=900.0, alpha=0.2, beta=0.15),
    "powers": dict(c=3.0, alpha=-0.3, beta=0.4),
    "three-terms": dict(E=0.3, A=90.0, B=400.0, G=60.0, alpha=0.3, beta=0.4, gamma=0.6),
    "kaplan-steps": dict(N_c=3e5, D_c=2e6, alpha_N=0.3, alpha_D=0.4, S_c=50.0, alpha_S=0.7),
}


def design(law):
    if len(law.variables) == 1:
        return np.geomspace(10, 1e5, 20)[None]
    if len(law.variables) == 3:
        sides = [np.geomspace(1e3, 1e7, 5), np.geomspace(1e4, 1e9, 5), np.geomspace(1e2, 1e6, 5)]
        return np.stack([side.ravel() for side in np.meshgrid(*sides)])
    n, d = np.meshgrid(np.geomspace(1e6, 1e10, 9), np.geomspace(1e7, 1e12, 9))
    return np.stack([n.ravel(), d.ravel()])
