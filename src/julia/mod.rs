//! Julia's type system as JLD2 stores it.
