//! Decides conditions.

use super::number::Number;
use std::cmp::Ordering;

/// A part of a condition.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Number),
    Variable(usize),
    Negative(Box<Self>),
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    Ask(Question, Box<Self>),
    /// The first number, and what each is compared with the one before it.
    Compare(Box<Self>, Vec<(Comparison, Self)>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    AtMost,
    AtLeast,
    Less,
    More,
}

/// What gives a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Sqrt,
    Exp,
    Log,
    Log10,
    Min,
    Max,
}

/// What holds of a number or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    IsNan,
    IsFinite,
}

impl Node {
    /// Whether a part holds. A number never stands here.
    pub(super) fn truth(&self, values: &[Number]) -> bool {
        match self {
            Self::And(a, b) => a.truth(values) && b.truth(values),
            Self::Or(a, b) => a.truth(values) || b.truth(values),
            Self::Not(a) => !a.truth(values),
            Self::Ask(question, a) => {
                let x = a.number(values).float();
                match question {
                    Question::IsNan => x.is_nan(),
                    Question::IsFinite => x.is_finite(),
                }
            }
            Self::Compare(first, others) => {
                let mut left = first.number(values);
                others.iter().all(|(comparison, right)| {
                    let right = right.number(values);
                    comparison.holds(std::mem::replace(&mut left, right).compare(right))
                })
            }
            Self::Literal(_)
            | Self::Variable(_)
            | Self::Negative(_)
            | Self::Arithmetic(..)
            | Self::Call(..) => false,
        }
    }

    fn number(&self, values: &[Number]) -> Number {
        match self {
            Self::Literal(number) => *number,
            Self::Variable(i) => values.get(*i).copied().unwrap_or(Number::Float(f64::NAN)),
            Self::Negative(a) => match a.number(values) {
                Number::Integer(i) => i
                    .checked_neg()
                    .map_or_else(|| Number::Float(-Number::Integer(i).float()), Number::Integer),
                Number::Float(x) => Number::Float(-x),
            },
            Self::Arithmetic(sign, a, b) => sign.of(a.number(values), b.number(values)),
            Self::Call(function, given) => {
                let mut given = given.iter().map(|a| a.number(values));
                let nan = Number::Float(f64::NAN);
                let first = given.next().unwrap_or(nan);
                function.of(first, given.next().unwrap_or(nan))
            }
            Self::Ask(..) | Self::Compare(..) | Self::Not(_) | Self::And(..) | Self::Or(..) => {
                Number::Float(f64::NAN)
            }
        }
    }
}

impl Arithmetic {
    fn of(self, a: Number, b: Number) -> Number {
        match self {
            Self::Add => a.with(b, i128::checked_add, |a, b| a + b),
            Self::Subtract => a.with(b, i128::checked_sub, |a, b| a - b),
            Self::Multiply => a.with(b, i128::checked_mul, |a, b| a * b),
            Self::Divide => Number::Float(a.float() / b.float()),
            Self::Power => a.power(b),
        }
    }
}

impl Comparison {
    fn holds(self, order: Option<Ordering>) -> bool {
        match order {
            None => self == Self::Unequal,
            Some(Ordering::Less) => matches!(self, Self::Less | Self::AtMost | Self::Unequal),
            Some(Ordering::Equal) => matches!(self, Self::Equal | Self::AtMost | Self::AtLeast),
            Some(Ordering::Greater) => matches!(self, Self::More | Self::AtLeast | Self::Unequal),
        }
    }
}

const FUNCTIONS: [(&str, Function, usize); 7] = [
    ("abs", Function::Abs, 1),
    ("sqrt", Function::Sqrt, 1),
    ("exp", Function::Exp, 1),
    ("log", Function::Log, 1),
    ("log10", Function::Log10, 1),
    ("min", Function::Min, 2),
    ("max", Function::Max, 2),
];

const QUESTIONS: [(&str, Question); 2] =
    [("isnan", Question::IsNan), ("isfinite", Question::IsFinite)];

impl Function {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, function, _)| *function)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|(name, ..)| *name)
    }

    /// How many numbers it is given.
    pub(super) fn arguments(self) -> usize {
        FUNCTIONS.iter().find(|(_, known, _)| *known == self).map_or(1, |(.., count)| *count)
    }

    fn of(self, a: Number, b: Number) -> Number {
        let float = |of: fn(f64) -> f64| Number::Float(of(a.float()));
        match self {
            Self::Abs => match a {
                Number::Integer(i) => {
                    i.checked_abs().map_or_else(|| float(f64::abs), Number::Integer)
                }
                Number::Float(x) => Number::Float(x.abs()),
            },
            Self::Sqrt => float(f64::sqrt),
            Self::Exp => float(f64::exp),
            Self::Log => float(f64::ln),
            Self::Log10 => float(f64::log10),
            Self::Min | Self::Max => match a.compare(b) {
                // As in Julia, what is not a number stays so.
                None => Number::Float(f64::NAN),
                Some(Ordering::Less) if self == Self::Min => a,
                Some(Ordering::Greater) if self == Self::Max => a,
                Some(_) => b,
            },
        }
    }
}

impl Question {
    pub(super) fn of(name: &str) -> Option<Self> {
        QUESTIONS.iter().find(|(known, _)| *known == name).map(|(_, question)| *question)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        QUESTIONS.iter().map(|(name, _)| *name)
    }
}
