//! Cuts a condition into words.

/// A word of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Integer(i128),
    Float(f64),
    /// A name, plain or in backquotes.
    Name(String),
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

/// Where a word begins, in bytes, and what it is.
pub(super) type Placed = (usize, Token);

/// Why a text is not made of words.
pub(super) type LexError = (usize, String);

/// All signs, longer ones before their beginnings.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "≤", "≥", "≠", "<", ">", "!", "+", "-", "*", "/", "^", "(",
    ")", "[", "]", ",", "%", "=",
];

/// The words of `text`, with an end behind them.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, LexError> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            found.push((at, Token::End));
            return Ok(found);
        };
        let (token, behind) = if first.is_ascii_digit() || first == '.' {
            number(rest).map_err(|message| (at, message))?
        } else if first == '`' {
            quoted(rest).ok_or_else(|| (at, "this ` has no other behind it".to_owned()))?
        } else if is_letter(first) {
            let end = rest.find(|c| !is_letter(c) && !c.is_numeric()).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            (Token::Name(name.to_owned()), behind)
        } else {
            sign(rest).map_err(|message| (at, message))?
        };
        found.push((at, token));
        rest = behind;
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn sign(rest: &str) -> Result<(Token, &str), String> {
    let found = SIGNS.iter().find_map(|sign| Some((*sign, rest.strip_prefix(sign)?)));
    match found {
        Some(("=", _)) => Err("a single = sets something: compare with ==".to_owned()),
        Some(("%", _)) => Err("% is not an operator here".to_owned()),
        Some((sign, behind)) => Ok((Token::Sign(plain(sign)), behind)),
        None => Err(match rest.chars().next() {
            Some('&') => "write && where both must hold".to_owned(),
            Some('|') => "write || where one must hold".to_owned(),
            Some('"' | '\'') => {
                "texts are not compared; names that are not plain stand in backquotes".to_owned()
            }
            other => format!("{} means nothing here", other.unwrap_or(' ').escape_debug()),
        }),
    }
}

/// One spelling for each operator.
fn plain(sign: &'static str) -> &'static str {
    match sign {
        "≤" => "<=",
        "≥" => ">=",
        "≠" => "!=",
        other => other,
    }
}

fn quoted(rest: &str) -> Option<(Token, &str)> {
    let (name, behind) = rest.strip_prefix('`')?.split_once('`')?;
    Some((Token::Name(name.to_owned()), behind))
}

/// A number without a sign in front.
fn number(rest: &str) -> Result<(Token, &str), String> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let behind =
        |text: &str, n: usize| -> usize { text.get(n..).map_or(n, |tail| n + digits(tail)) };
    let mut end = digits(rest);
    let mut whole = true;
    if rest.get(end..).is_some_and(|tail| tail.starts_with('.')) {
        whole = false;
        let fraction = end + 1;
        let to = behind(rest, fraction);
        if end == 0 && to == fraction {
            return Err("a point without digits".to_owned());
        }
        end = to;
    }
    if rest.get(end..).is_some_and(|tail| tail.starts_with(['e', 'E'])) {
        let sign = rest.get(end + 1..).is_some_and(|tail| tail.starts_with(['+', '-']));
        let from = end + 1 + usize::from(sign);
        let to = behind(rest, from);
        if to > from {
            whole = false;
            end = to;
        }
    }
    let (text, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if behind.starts_with(is_letter) || behind.starts_with('.') {
        let shown: String = rest.chars().take(end + 1).collect();
        return Err(format!("{shown} is not a number; write * to multiply"));
    }
    let integer = whole.then(|| text.parse().ok()).flatten();
    let token = match integer {
        Some(integer) => Token::Integer(integer),
        None => Token::Float(text.parse().map_err(|_| format!("{text} is not a number"))?),
    };
    Ok((token, behind))
}
