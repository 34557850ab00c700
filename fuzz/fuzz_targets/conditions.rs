//! Reads any text as a condition on rows and decides it, and as a list of a series' columns.
#![no_main]

use jldconv::numbers::series::{self, QuestionText};
use jldconv::numbers::{Number, parse_condition};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    memory::bounded(|| {
        match parse_condition(text) {
            Ok(condition) => {
                for number in [Number::Integer(i128::MIN), Number::Integer(3), Number::Float(f64::NAN)]
                {
                    condition.holds(&vec![number; condition.variables().len()]);
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        // The part behind the first line is a condition on the rows of a series.
        let (list, condition) = text.split_once('\n').unwrap_or((text, ""));
        let items: Vec<_> = list.split(',').collect();
        match series::columns(&items, &[]) {
            Ok(columns) => {
                // What is told of a column names it: read again, it is the same.
                for column in columns {
                    let unit = column.unit.as_ref().map_or(String::new(), |it| format!("[{it}]"));
                    let item = format!("{}{unit}", column.name);
                    let again = series::columns(&[&item], &[]).unwrap();
                    assert!(again.iter().any(|it| it.label() == column.label()), "{item}");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        let mut question = QuestionText::default();
        question.what = items.into_iter().map(str::to_owned).collect();
        question.condition = Some(condition.to_owned());
        let _ = question.read();
    });
});
