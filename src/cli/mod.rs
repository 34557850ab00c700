//! Command lines: argument types, config file, environment; no logic.
