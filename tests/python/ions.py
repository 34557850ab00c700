"""What follows from the ions in tests/data/mera-rt, by NumPy, for tests/numbers/radiation.rs.

Usage: ions.py FILE. What the descriptor says of each run is repeated here.
"""

import json
import sys

import h5py
import numpy as np

file = h5py.File(sys.argv[1])


def member(value, *names):
    for name in names:
        found = value[name]
        value = file[found][()] if isinstance(found, h5py.Reference) else found
    return value


def columns_of(table):
    columns = member(file[table + "/data"][()], "data", "columns", "fieldarrays")
    return {name: file[columns[name]][()] for name in columns.dtype.names}


gas, photons, info = columns_of("hydro"), columns_of("rt"), file["hydro/info"][()]
rho, p = gas["rho"], gas["p"]
molecules = "var9" in gas
if molecules:
    X, Y, metals = 0.7, 0.28, gas["metallicity"]
    xHI, xHII, xHeII, xHeIII = (gas[name] for name in ("var6", "var7", "var8", "var9"))
    xH2 = np.maximum((1 - xHI - xHII) / 2, 0)
    hydrogen, helium = xHI + 2 * xHII + xH2, 1 + xHeII + 2 * xHeIII
else:
    X, Y, metals = 1.0, 0.0, 0.0
    xHII = gas["var6"]
    xHI, xHeII, xHeIII = 1 - xHII, None, None
    hydrogen, helium = 1 + xHII, 1.0
# The mass of hydrogen and the constant of Boltzmann as Mera 1.9 has them.
unit_d, unit_l, unit_t = (float(info[name]) for name in ("unit_d", "unit_l", "unit_t"))
MASS, BOLTZMANN, LIGHT, PHOTONS = 1.66e-24, 1.380649e-16, 0.01 * 2.99792458e10, 3.25e5
nH = rho * (0.76 / MASS * unit_d) * (X / 0.76)
of = lambda part: part * (1 - metals) / (X + Y)
mu = 1 / (of(X) * hydrogen + of(Y) / 4 * helium + metals / 16)
out = {"xHI": xHI, "xHII": xHII, "mu": mu, "n_HI": nH * xHI, "n_HII": nH * xHII, "n_e": nH * xHII}
out["em_recomb"] = (nH * xHII) ** 2
if molecules:
    out |= {"xH2": xH2, "n_H2": nH * xH2, "xHeII": xHeII, "xHeIII": xHeIII}
    out["n_e"] = out["n_e"] + nH * (Y / (4 * X)) * (xHeII + 2 * xHeIII)
out["T_rt"] = p / rho * (unit_l / unit_t) ** 2 * MASS / BOLTZMANN * mu
alpha = 2.59e-13 * (np.maximum(out["T_rt"], 1) / 1e4) ** -0.7
out["recomb_rate"] = alpha * out["n_e"] * out["n_HII"]
rate = LIGHT * PHOTONS * (photons["Np1"] * 3.0e-18 + photons["Np2"] * 5.7e-19)
of_photons = {"photoionizations": rate * out["n_HI"]}
of_photons["ionization_balance"] = of_photons["photoionizations"] - out["recomb_rate"]
named = {"hydro/" + name: values for name, values in out.items()}
for name, values in (named | {"rt/" + name: values for name, values in of_photons.items()}).items():
    told = [float(values.min()), float(values.max()), float(values.sum()), float(np.abs(values).sum())]
    print(json.dumps([name, len(values), *told]))
