//! What is said of an export beside its numbers: where they are from, what run, which units.

use super::{Request, Sheet};
use serde_json::{Map, Value, json};

/// What is said of an export: names and values, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct About(Map<String, Value>);

impl About {
    /// Of a sheet that was asked for so.
    pub fn new(sheet: &Sheet<'_>, request: &Request) -> Self {
        let mut all = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                all.insert(name.to_owned(), value);
            }
        };
        put("made_by", json!(concat!("jldconv ", env!("CARGO_PKG_VERSION"))));
        put("source", json!(sheet.file.name()));
        put("table", json!(sheet.relation.name));
        put("rows", json!(sheet.rows));
        put("where", json!(request.condition));
        if let Some(group) = sheet.relation.group() {
            let clock = group.info.clock();
            // What is not a number has no JSON.
            let float = |x: f64| if x.is_finite() { json!(x) } else { Value::Null };
            put("output", json!(group.info.output));
            put("simcode", json!(group.info.simcode));
            put("time", float(group.info.time));
            put("time_myr", float(clock.myr()));
            if clock.is_cosmological() {
                put("redshift", float(clock.redshift()));
            }
            put("aexp", float(group.info.aexp));
            put("boxlen", float(group.boxlen));
            put("lmin", json!(group.lmin));
            put("lmax", json!(group.lmax));
            for (name, unit) in [
                ("unit_l", group.info.unit_l),
                ("unit_d", group.info.unit_d),
                ("unit_m", group.info.unit_m),
                ("unit_v", group.info.unit_v),
                ("unit_t", group.info.unit_t),
            ] {
                put(name, float(unit));
            }
            put("gamma", float(group.info.gamma));
            let wish = &request.region;
            if wish.ranges.iter().flatten().any(Option::is_some) {
                put("ranges", json!(wish.ranges));
            }
            if let Some(center) = wish.center {
                put("center", json!(center.map(|along| along.to_string())));
            }
            put("range_unit", json!(wish.unit));
        }
        put("rows_from_to", json!(request.rows.as_ref().map(|rows| [rows.start, rows.end])));
        let units = sheet
            .heads
            .iter()
            .filter_map(|head| Some((head.name.clone(), Value::from(head.unit_text()?))));
        let units: Map<_, _> = units.collect();
        if !units.is_empty() {
            put("units", Value::Object(units));
        }
        Self(all)
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Names with values as text; a value that is not text or a number is in JSON.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            (name.as_str(), text)
        })
    }

    /// The JSON, if it takes no more than so many bytes; else without what users wrote.
    pub fn within(&self, bytes: usize) -> String {
        let all = self.json().to_string();
        if all.len() <= bytes {
            return all;
        }
        let short = self.0.iter().filter(|(_, value)| value.to_string().len() <= 100);
        let short: Map<_, _> = short.map(|(name, value)| (name.clone(), value.clone())).collect();
        Value::Object(short).to_string()
    }
}
