"""What follows from the radiation in tests/data/mera-rt, by NumPy: sums, for tests/numbers/radiation.rs.

Usage: rt.py FILE. The descriptor's numbers are those that the file was written with.
"""

import json
import sys

import h5py
import numpy as np

VOLT, LIGHT = 1.602176634e-12, 0.01 * 2.99792458e10
PHOTONS, FLUX = 3.25e5, 7.5e13
ENERGY, SECTION, HEAT = [18.85, 35.079], [3.0e-18, 5.7e-19], [2.78e-18, 5.0e-19]

file = h5py.File(sys.argv[1])


def member(value, name):
    found = value[name]
    return file[found][()] if isinstance(found, h5py.Reference) else found


columns = member(member(member(file["rt/data"][()], "data"), "columns"), "fieldarrays")
c = {name: file[columns[name]][()] for name in columns.dtype.names}
out, sums = dict(c), dict.fromkeys(("Np_total", "rad_energy_density", "Gamma_HI", "photoheating_HI"), 0.0)
for g in (1, 2):
    n, flux = c[f"Np{g}"], np.sqrt(c[f"Fx{g}"] ** 2 + c[f"Fy{g}"] ** 2 + c[f"Fz{g}"] ** 2)
    e, left = ENERGY[g - 1] * VOLT, (ENERGY[g - 1] - 13.6) * VOLT
    reduced = np.divide(flux, n, out=np.zeros_like(n), where=n > 0)
    out |= {f"Fmag{g}": flux, f"reducedflux{g}": reduced, f"Np{g}_cgs": n * PHOTONS}
    out |= {f"Fmag{g}_cgs": flux * FLUX, f"photon_energy_density{g}": n * PHOTONS * e}
    out[f"Gamma_HI{g}"] = n * (PHOTONS * LIGHT * SECTION[g - 1])
    out[f"photoheating_HI{g}"] = n * (PHOTONS * LIGHT * HEAT[g - 1] * left)
    sums["Np_total"] += n
    sums["rad_energy_density"] += n * e
    sums["Gamma_HI"] += n * (LIGHT * PHOTONS * SECTION[g - 1])
    sums["photoheating_HI"] += n * (LIGHT * PHOTONS * HEAT[g - 1] * left)
sums["rad_energy_density"] = sums["rad_energy_density"] * PHOTONS
for name, values in (out | sums).items():
    told = [float(values.min()), float(values.max()), float(values.sum()), float(np.abs(values).sum())]
    print(json.dumps([name, len(values), *told]))
