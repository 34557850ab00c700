//! The HDF5 container, as far as JLD2 uses it. Knows nothing of Julia.
