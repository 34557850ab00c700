//! What rows are taken from: a table of a Mera file, another table, or an array.

use super::{MeraFile, MeraGroup, NumbersError};
use crate::mera::quantity::{GAS, TableKind};
use crate::text;
use jld2::{Dataset, Item, Table};

/// The name that the numbers of an array have in a condition.
const VALUE: &str = "value";
/// Names that are offered where a path leads nowhere.
const OFFERED: usize = 12;

/// What rows are taken from.
#[derive(Debug)]
pub struct Relation<'f> {
    /// How it is called: `hydro`, or the path of a dataset.
    pub name: String,
    kind: Kind<'f>,
}

#[derive(Debug)]
enum Kind<'f> {
    Mera(Box<MeraGroup<'f>>),
    Table(Table<'f>),
    Array(Dataset<'f>),
}

/// What a path leads to: a relation, and the column or quantity of it that was named.
#[derive(Debug)]
pub struct Place<'f> {
    /// The relation.
    pub relation: Relation<'f>,
    /// The column or quantity, if one was named.
    pub column: Option<String>,
}

impl<'f> Relation<'f> {
    /// A table of a Mera file.
    pub fn of_group(group: MeraGroup<'f>) -> Self {
        Self { name: group.kind.name().to_owned(), kind: Kind::Mera(Box::new(group)) }
    }

    /// A table that is called `name`.
    pub fn of_table(name: impl Into<String>, table: Table<'f>) -> Self {
        Self { name: name.into(), kind: Kind::Table(table) }
    }

    /// What `path` leads to: `hydro`, `hydro/rho`, `hydro/T` (a quantity), the path of a dataset that
    /// is a table or an array, or of one that has a table in a field, and a column of it
    /// (`/hydro/data/rho`).
    ///
    /// # Errors
    /// If it leads nowhere or to something without numbers, or something on the way is damaged.
    pub fn find(file: &'f MeraFile, path: &str) -> Result<Place<'f>, NumbersError> {
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        if let Some((first, rest)) = steps.split_first()
            && rest.len() <= 1
            && let Some(kind) = TableKind::of_name(first)
            && rest.first() != Some(&"data")
            && let Some(group) = file.group(kind)?
        {
            let column = rest.first().map(|&name| name.to_owned());
            return Ok(Place { relation: Self::of_group(group), column });
        }
        Self::by_path(file, &steps)
    }

    fn by_path(file: &'f MeraFile, steps: &[&str]) -> Result<Place<'f>, NumbersError> {
        let failed = NumbersError::of(file.name());
        for (count, _) in steps.iter().enumerate() {
            let (way, rest) = steps.split_at(count + 1);
            let path = format!("/{}", way.join("/"));
            match file.file().get(&path).map_err(&failed)? {
                Some(Item::Dataset(dataset)) => return Self::in_dataset(file, dataset, rest),
                Some(_) => {}
                None => break,
            }
        }
        Err(NumbersError::NotThere {
            file: file.name().to_owned(),
            what: format!("/{} with numbers", text::tame(&steps.join("/"))),
            known: known(file)?,
        })
    }

    fn in_dataset(
        file: &'f MeraFile,
        dataset: Dataset<'f>,
        rest: &[&str],
    ) -> Result<Place<'f>, NumbersError> {
        let failed = NumbersError::of(file.name());
        let path = dataset.path().to_owned();
        // The table of a Mera group knows more than another.
        let group = path.trim_matches('/').strip_suffix("/data").and_then(TableKind::of_name);
        let (field, rest) = match rest {
            [field, rest @ ..] if *field == "data" => (Some("data"), rest),
            rest => (None, rest),
        };
        let column = match rest {
            [] => None,
            [name] => Some((*name).to_owned()),
            _ => {
                return Err(NumbersError::NotThere {
                    file: file.name().to_owned(),
                    what: format!("{path}/{}", text::tame(&rest.join("/"))),
                    known: "behind a table stands the name of a column".to_owned(),
                });
            }
        };
        if let Some(kind) = group
            && let Some(group) = file.group(kind)?
        {
            return Ok(Place { relation: Self::of_group(group), column });
        }
        let table = match field {
            Some(field) => dataset.table_in(field),
            None => dataset.table().and_then(|table| match table {
                None => dataset.table_in("data"),
                table => Ok(table),
            }),
        };
        if let Some(table) = table.map_err(&failed)? {
            let relation = Self { name: path, kind: Kind::Table(table) };
            return Ok(Place { relation, column });
        }
        if let Some(column) = column {
            return Err(NumbersError::NotThere {
                file: file.name().to_owned(),
                what: format!("column {} of {path}", text::tame(&column)),
                known: format!("{path} is not a table"),
            });
        }
        let relation = Self { name: path, kind: Kind::Array(dataset) };
        Ok(Place { relation, column: Some(VALUE.to_owned()) })
    }

    /// The names of its columns.
    pub fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::Mera(group) => {
                group.table.iter().flat_map(Table::names).map(str::to_owned).collect()
            }
            Kind::Table(table) => table.names().map(str::to_owned).collect(),
            Kind::Array(_) => vec![VALUE.to_owned()],
        }
    }

    /// Where a column's numbers are.
    ///
    /// # Errors
    /// If there is no such column, or its header is damaged.
    pub fn column(&self, name: &str) -> jld2::Result<Dataset<'f>> {
        let none = || jld2::Error::not_found(format!("column {name}")).in_object(&self.name);
        match &self.kind {
            Kind::Mera(group) => match name.strip_prefix(GAS).zip(group.gas.as_ref()) {
                Some((name, gas)) => gas.column(name),
                None => group.table.as_ref().ok_or_else(none)?.column(name),
            },
            Kind::Table(table) => table.column(name),
            Kind::Array(dataset) if name == VALUE => Ok(dataset.clone()),
            Kind::Array(_) => Err(none()),
        }
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// If an array's shape is damaged.
    pub fn rows(&self) -> jld2::Result<u64> {
        match &self.kind {
            Kind::Mera(group) => Ok(group.rows()),
            Kind::Table(table) => Ok(table.len()),
            Kind::Array(dataset) => {
                let dims = dataset.dims()?;
                Ok(dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d)))
            }
        }
    }

    /// Its shape: the fastest dimension first, as in Julia; of a table, how many rows there are.
    ///
    /// # Errors
    /// If an array's shape is damaged.
    pub fn dims(&self) -> jld2::Result<Vec<u64>> {
        match &self.kind {
            Kind::Array(dataset) => dataset.dims(),
            _ => Ok(vec![self.rows()?]),
        }
    }

    /// The group of a Mera file that it is, if it is one.
    pub fn group(&self) -> Option<&MeraGroup<'f>> {
        match &self.kind {
            Kind::Mera(group) => Some(group),
            Kind::Table(_) | Kind::Array(_) => None,
        }
    }

    /// Whether it is an array, without columns.
    pub fn is_array(&self) -> bool {
        matches!(self.kind, Kind::Array(_))
    }
}

/// What a file has, in words.
fn known(file: &MeraFile) -> Result<String, NumbersError> {
    let groups = file.groups()?;
    if !groups.is_empty() {
        let names: Vec<_> = groups.iter().map(|group| group.kind.name()).collect();
        return Ok(format!("there are the tables {}", names.join(", ")));
    }
    let paths = file.file().dataset_paths().map_err(NumbersError::of(file.name()))?;
    let shown: Vec<_> = paths.iter().map(|path| text::tame(path)).collect();
    Ok(format!("its datasets are {}", text::few(&shown, OFFERED)))
}
