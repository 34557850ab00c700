//! Conditions on rows, as `level == 10 && rho[nH] > 1e-3`: read, checked, decided row by row.
//!
//! Names are columns or quantities, with a unit in brackets where another than the code's is meant;
//! what is no plain name stands in backquotes. Operators are Julia's: `||`, `&&`, `!`, comparisons
//! that may be chained (`1 < x <= 2`), `+ - * / ^`, and some functions. Integers are compared
//! exactly, also with floats.
//!
//! Length, depth and size are bounded, so that whoever hands a condition on from elsewhere need not
//! look at it.

mod evaluate;
mod lex;
mod number;
mod parse;

pub use number::Number;
pub use parse::{ConditionError, parse};

use evaluate::Node;

/// A condition that was read.
#[derive(Debug, Clone)]
pub struct Condition {
    root: Node,
    variables: Vec<Variable>,
}

/// A name in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The column or quantity.
    pub name: String,
    /// The unit that its numbers are in; the code's if nothing is said.
    pub unit: Option<String>,
}

impl Condition {
    /// The names in it, each once.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether it holds where the variables have these values, in the order of
    /// [`variables`](Self::variables). A value that is missing is NaN, for which no comparison but
    /// `!=` holds.
    pub fn holds(&self, values: &[Number]) -> bool {
        self.root.truth(values)
    }
}

#[cfg(test)]
mod tests;
