//! What Mera files mean: eras, units, scales.
