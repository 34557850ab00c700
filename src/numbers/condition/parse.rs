//! Reads conditions, and says where one is wrong.

use super::evaluate::{Arithmetic, Comparison, Function, Node, Question};
use super::lex::{Placed, Token, tokens};
use super::number::Number;
use super::{Condition, Variable};
use crate::text::tame;
use std::fmt;

/// Bytes of a condition.
const MOST_TEXT: usize = 4096;
/// Numbers, names and operators in one.
const MOST_NODES: usize = 512;
/// Brackets and signs inside one another.
const MOST_DEPTH: usize = 64;

/// Why a text is not a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    text: String,
    /// Characters in front of what is wrong.
    column: usize,
    message: String,
}

impl std::error::Error for ConditionError {}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.column + 1;
        write!(f, "condition, character {at}: {}", self.message)?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(f, "\n  {}\n  {:>at$}", self.text, "^")
    }
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
}

/// An expression, what it gives, and where it begins.
type Part = (Node, Kind, usize);

/// Reads a condition.
///
/// # Errors
/// If it is not one, or too long or nested too deeply.
///
/// ```
/// use jldconv::numbers::{Number, parse_condition};
/// let condition = parse_condition("level == 10 && rho[nH] > 1e-3").unwrap();
/// assert_eq!(condition.variables()[1].unit.as_deref(), Some("nH"));
/// assert!(condition.holds(&[Number::Integer(10), Number::Float(0.5)]));
/// let error = parse_condition("level = 10").unwrap_err();
/// assert!(error.to_string().contains("compare with =="));
/// ```
pub fn parse(text: &str) -> Result<Condition, ConditionError> {
    let wrong = |at: usize, message: String| {
        let before = text.get(..at).unwrap_or(text);
        // One line, as wide as it is shown.
        let shown = tame(text);
        let same = shown.chars().count() == text.chars().count();
        let text = if same { shown } else { String::new() };
        ConditionError { text, column: before.chars().count(), message }
    };
    if text.len() > MOST_TEXT {
        let message = format!("it has {} bytes, {MOST_TEXT} are read", text.len());
        return Err(ConditionError { text: String::new(), column: 0, message });
    }
    let tokens = tokens(text).map_err(|(at, message)| wrong(at, message))?;
    let mut parser = Parser { tokens, next: 0, depth: 0, nodes: 0, variables: Vec::new() };
    let parsed = parser.either().and_then(|part| {
        let (at, token) = parser.peek().clone();
        match token {
            Token::End => Parser::truth(part, "the whole"),
            other => Err((at, format!("{} cannot follow here", named(&other)))),
        }
    });
    let root = parsed.map_err(|(at, message)| wrong(at, message))?;
    Ok(Condition { root, variables: parser.variables })
}

type Failure = (usize, String);

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    nodes: usize,
    variables: Vec<Variable>,
}

static END: Placed = (0, Token::End);

impl Parser {
    fn peek(&self) -> &Placed {
        self.tokens.get(self.next).or(self.tokens.last()).unwrap_or(&END)
    }

    fn at(&self) -> usize {
        self.peek().0
    }

    /// Goes on behind this sign, if it is next.
    fn has(&mut self, sign: &str) -> bool {
        let found = matches!(&self.peek().1, Token::Sign(next) if *next == sign);
        self.next += usize::from(found);
        found
    }

    /// Goes on behind one of these signs, if one is next.
    fn one_of<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        signs.iter().find(|(sign, _)| self.has(sign)).map(|(_, what)| *what)
    }

    fn expect(&mut self, sign: &str, what: &str) -> Result<(), Failure> {
        if self.has(sign) {
            return Ok(());
        }
        let (at, token) = self.peek();
        Err((*at, format!("{what} wants {sign} here, not {}", named(token))))
    }

    fn count(&mut self, at: usize) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err((at, format!("it has more than {MOST_NODES} parts")));
        }
        Ok(())
    }

    fn deeper<T>(
        &mut self,
        what: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth >= MOST_DEPTH {
            return Err((self.at(), format!("it is nested more than {MOST_DEPTH} deep")));
        }
        self.depth += 1;
        let done = what(self);
        self.depth -= 1;
        done
    }

    fn truth((node, kind, at): Part, what: &str) -> Result<Node, Failure> {
        if kind == Kind::Truth {
            return Ok(node);
        }
        Err((at, format!("{what} is a number: compare it with something")))
    }

    fn number((node, kind, at): Part, what: &str) -> Result<Node, Failure> {
        if kind == Kind::Number {
            return Ok(node);
        }
        Err((at, format!("{what} wants a number, and this holds or does not")))
    }

    fn either(&mut self) -> Result<Part, Failure> {
        self.joined("||", Self::both, Node::Or)
    }

    fn both(&mut self) -> Result<Part, Failure> {
        self.joined("&&", Self::comparison, Node::And)
    }

    /// What holds or does not, one or several with `sign` between.
    fn joined(
        &mut self,
        sign: &str,
        next: fn(&mut Self) -> Result<Part, Failure>,
        join: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Result<Part, Failure> {
        let mut left = next(self)?;
        let at = left.2;
        while self.has(sign) {
            self.count(at)?;
            let right = next(self)?;
            let a = Self::truth(left, &format!("what stands before {sign}"))?;
            let b = Self::truth(right, &format!("what follows {sign}"))?;
            left = (join(Box::new(a), Box::new(b)), Kind::Truth, at);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Part, Failure> {
        const SIGNS: &[(&str, Comparison)] = &[
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        let first = self.sum()?;
        let at = first.2;
        let Some(mut sign) = self.one_of(SIGNS) else { return Ok(first) };
        let first = Self::number(first, "a comparison")?;
        let mut others = Vec::new();
        loop {
            self.count(at)?;
            let part = self.sum()?;
            others.push((sign, Self::number(part, "a comparison")?));
            match self.one_of(SIGNS) {
                Some(next) => sign = next,
                None => return Ok((Node::Compare(Box::new(first), others), Kind::Truth, at)),
            }
        }
    }

    fn sum(&mut self) -> Result<Part, Failure> {
        let mut left = self.product()?;
        while let Some(sign) = self.one_of(&[("+", Arithmetic::Add), ("-", Arithmetic::Subtract)]) {
            let right = self.product()?;
            left = self.arithmetic(sign, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Part, Failure> {
        let mut left = self.signed()?;
        while let Some(sign) =
            self.one_of(&[("*", Arithmetic::Multiply), ("/", Arithmetic::Divide)])
        {
            let right = self.signed()?;
            left = self.arithmetic(sign, left, right)?;
        }
        Ok(left)
    }

    fn arithmetic(&mut self, sign: Arithmetic, left: Part, right: Part) -> Result<Part, Failure> {
        let at = left.2;
        self.count(at)?;
        let (a, b) = (Self::number(left, "arithmetic")?, Self::number(right, "arithmetic")?);
        Ok((Node::Arithmetic(sign, Box::new(a), Box::new(b)), Kind::Number, at))
    }

    fn signed(&mut self) -> Result<Part, Failure> {
        let at = self.at();
        if self.has("-") {
            self.count(at)?;
            let part = self.deeper(Self::signed)?;
            let node = Self::number(part, "-")?;
            return Ok((Node::Negative(Box::new(node)), Kind::Number, at));
        }
        if self.has("+") {
            let part = self.deeper(Self::signed)?;
            let node = Self::number(part, "+")?;
            return Ok((node, Kind::Number, at));
        }
        if self.has("!") {
            self.count(at)?;
            let part = self.deeper(Self::signed)?;
            let node = Self::truth(part, "what follows !")?;
            return Ok((Node::Not(Box::new(node)), Kind::Truth, at));
        }
        self.power()
    }

    /// `-x^2` is `-(x^2)`, and `2^-1` has a sign behind.
    fn power(&mut self) -> Result<Part, Failure> {
        let base = self.atom()?;
        if !self.has("^") {
            return Ok(base);
        }
        let exponent = self.deeper(Self::signed)?;
        self.arithmetic(Arithmetic::Power, base, exponent)
    }

    fn atom(&mut self) -> Result<Part, Failure> {
        let (at, token) = self.peek().clone();
        self.next += 1;
        match token {
            Token::Integer(i) => self.literal(Number::Integer(i), at),
            Token::Float(x) => self.literal(Number::Float(x), at),
            Token::Sign("(") => {
                let (node, kind, _) = self.deeper(Self::either)?;
                self.expect(")", "this bracket")?;
                Ok((node, kind, at))
            }
            Token::Name(name) => self.named(name, at),
            other => {
                self.next -= 1;
                let mut message =
                    format!("a number or a name is missing, here is {}", named(&other));
                if other == Token::Sign("[") {
                    message.push_str("; a unit in brackets follows a name");
                }
                Err((at, message))
            }
        }
    }

    fn literal(&mut self, number: Number, at: usize) -> Result<Part, Failure> {
        self.count(at)?;
        Ok((Node::Literal(number), Kind::Number, at))
    }

    fn named(&mut self, name: String, at: usize) -> Result<Part, Failure> {
        self.count(at)?;
        if self.has("(") {
            return self.call(&name, at);
        }
        let instead = match name.as_str() {
            "and" => Some("&&"),
            "or" => Some("||"),
            "not" => Some("!"),
            _ => None,
        };
        if let Some(sign) = instead {
            return Err((at, format!("write {sign} for {name}")));
        }
        match name.as_str() {
            "NaN" => return Ok((Node::Literal(Number::Float(f64::NAN)), Kind::Number, at)),
            "Inf" => return Ok((Node::Literal(Number::Float(f64::INFINITY)), Kind::Number, at)),
            _ => {}
        }
        let unit = if self.has("[") {
            let (at, token) = self.peek().clone();
            let Token::Name(unit) = token else {
                return Err((at, format!("a unit's name is missing, here is {}", named(&token))));
            };
            self.next += 1;
            self.expect("]", "a unit")?;
            Some(unit)
        } else {
            None
        };
        let variable = Variable { name, unit };
        let known = self.variables.iter().position(|known| *known == variable);
        let i = known.unwrap_or(self.variables.len());
        if known.is_none() {
            self.variables.push(variable);
        }
        Ok((Node::Variable(i), Kind::Number, at))
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Part, Failure> {
        let mut given = Vec::new();
        while !self.has(")") {
            if !given.is_empty() {
                self.expect(",", "a function")?;
            }
            let part = self.deeper(Self::either)?;
            given.push(Self::number(part, name)?);
        }
        let count = given.len();
        let wants = |n: usize| {
            let noun = if n == 1 { "number" } else { "numbers" };
            Err((at, format!("{name} wants {n} {noun}, {count} given")))
        };
        if let Some(question) = Question::of(name) {
            return match given.pop().filter(|_| count == 1) {
                Some(node) => Ok((Node::Ask(question, Box::new(node)), Kind::Truth, at)),
                None => wants(1),
            };
        }
        let Some(function) = Function::of_name(name) else {
            let known = Function::names().chain(Question::names()).collect::<Vec<_>>().join(", ");
            return Err((at, format!("{name} is not a function here; there are {known}")));
        };
        if count != function.arguments() {
            return wants(function.arguments());
        }
        Ok((Node::Call(function, given), Kind::Number, at))
    }
}

fn named(token: &Token) -> String {
    match token {
        Token::Integer(i) => i.to_string(),
        Token::Float(x) => x.to_string(),
        Token::Name(name) => tame(name),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::End => "the end".to_owned(),
    }
}
