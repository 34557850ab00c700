//! Writes VTK's unstructured grids, as XML with binary data behind it ("appended, raw"), which
//! ParaView, VisIt and VTK itself read. The format is described in VTK's "VTK XML Formats".
//!
//! Cells of the grid are voxels with their columns as cell data; particles and clumps are points with
//! point data. Columns are gone through one after the other, since their data stand so in the file.

mod appended;
mod cells;
mod points;

use super::batches::column;
use super::{About, ExportError, Out, Request, Sheet, Watch};
use crate::mera::region::{Center, center_fractions};
use crate::mera::unit::unit_factor;
use crate::numbers::{MeraGroup, NumbersError};
use crate::text;
use appended::{Appended, OFFSET_DIGITS};
use cells::Cells;
use jld2::{NumberSlice, NumberType};
use std::fmt::Write as _;
use std::io::SeekFrom;

/// Where places are counted from, and in which unit.
#[derive(Debug, Clone, Copy)]
struct Frame {
    boxlen: f64,
    /// In parts of the box.
    center: [f64; 3],
    /// What lengths in code units are multiplied by.
    factor: f64,
}

impl Frame {
    fn of(group: &MeraGroup<'_>, request: &Request) -> Result<Self, ExportError> {
        let units = group.info.units();
        let wish = &request.region;
        let center = wish.center.unwrap_or([Center::At(0.0); 3]);
        let center = center_fractions(center, wish.unit.as_deref(), group.boxlen, &units);
        let center = center.map_err(NumbersError::from)?;
        let factor = match request.length_unit() {
            Some(unit) => unit_factor(unit, &units).map_err(NumbersError::from)?,
            None => 1.0,
        };
        Ok(Self { boxlen: group.boxlen, center, factor })
    }

    /// A place in code units along an axis, from the box's corner.
    fn place(&self, at: f64, axis: usize) -> f64 {
        let center = self.center.get(axis).copied().unwrap_or(0.0);
        (at - self.boxlen * center) * self.factor
    }
}

/// How points and cells are told, and how many there are.
enum Shape {
    Cells(Cells),
    Points,
}

pub(super) fn write(
    sheet: &Sheet<'_>,
    request: &Request,
    about: &About,
    watch: &Watch<'_>,
    out: &mut dyn Out,
) -> Result<(), ExportError> {
    let Some(group) = sheet.relation.group() else {
        return Err(ExportError::Refused(format!(
            "{} is not a table of Mera: where its rows are is not known, which vtu needs",
            text::tame(&sheet.relation.name)
        )));
    };
    let frame = Frame::of(group, request)?;
    let shape = if group.kind.is_cells() {
        Shape::Cells(Cells::find(sheet, group, watch)?)
    } else {
        Shape::Points
    };
    let points = match &shape {
        Shape::Cells(cells) => cells.points(sheet.rows),
        Shape::Points => sheet.rows,
    };
    let level = request.level()?;
    let head = head(sheet, about, points, matches!(shape, Shape::Cells(_)), level);
    out.write_all(head.text.as_bytes())?;
    let mut data = Appended::new(out, head.text.len() as u64, level);
    let mut offsets = Vec::new();
    for (place, head) in sheet.heads.iter().enumerate() {
        let (_, size) = vtk_type(head.number);
        let query = sheet.query(&[place])?;
        let number = head.number;
        offsets.push(data.array(sheet.rows.saturating_mul(size), |out| {
            column(&query, watch, |bytes| Ok(out.write_all(&as_vtk(number, bytes))?))
        })?);
    }
    match &shape {
        Shape::Cells(cells) => cells.write(sheet, group, &frame, watch, &mut data, &mut offsets)?,
        Shape::Points => points::write(sheet, group, &frame, watch, &mut data, &mut offsets)?,
    }
    let end = data.end();
    out.write_all(b"\n  </AppendedData>\n</VTKFile>\n")?;
    for (place, offset) in head.offsets.iter().zip(offsets) {
        out.seek(SeekFrom::Start(*place))?;
        write!(out, "{offset:0OFFSET_DIGITS$}")?;
    }
    out.seek(SeekFrom::Start(end))?;
    out.flush()?;
    Ok(())
}

/// What stands in front of the data.
struct Front {
    text: String,
    /// Where the offsets of arrays are to be put, in the order of the data.
    offsets: Vec<u64>,
}

impl Front {
    /// An array whose data stand behind the text, with more attributes.
    fn array(&mut self, kind: &str, name: &str, more: &str) {
        let _ = write!(
            self.text,
            "        <DataArray type=\"{kind}\" Name=\"{}\"{more} format=\"appended\" offset=\"",
            escaped(name)
        );
        self.offsets.push(self.text.len() as u64);
        self.text.push_str(&"0".repeat(OFFSET_DIGITS));
        self.text.push_str("\"/>\n");
    }
}

fn head(sheet: &Sheet<'_>, about: &About, points: u64, cells: bool, level: u8) -> Front {
    let compressor = if level == 0 { "" } else { " compressor=\"vtkZLibDataCompressor\"" };
    let mut front = Front {
        text: format!(
            "<?xml version=\"1.0\"?>\n<VTKFile type=\"UnstructuredGrid\" version=\"1.0\" \
             byte_order=\"LittleEndian\" header_type=\"UInt64\"{compressor}>\n  <UnstructuredGrid>\n\
             {}    <Piece NumberOfPoints=\"{points}\" NumberOfCells=\"{}\">\n",
            field_data(about),
            sheet.rows
        ),
        offsets: Vec::new(),
    };
    let data = if cells { "CellData" } else { "PointData" };
    let _ = writeln!(front.text, "      <{data}>");
    for head in &sheet.heads {
        front.array(vtk_type(head.number).0, &head.label(), "");
    }
    let _ = writeln!(front.text, "      </{data}>\n      <Points>");
    front.array("Float64", "Points", " NumberOfComponents=\"3\"");
    front.text.push_str("      </Points>\n      <Cells>\n");
    front.array("Int64", "connectivity", "");
    front.array("Int64", "offsets", "");
    front.array("UInt8", "types", "");
    front.text.push_str(
        "      </Cells>\n    </Piece>\n  </UnstructuredGrid>\n  <AppendedData encoding=\"raw\">\n_",
    );
    front
}

/// The time, which ParaView shows, and what is said of the run, as text.
fn field_data(about: &About) -> String {
    let mut text = "    <FieldData>\n".to_owned();
    let json = about.json();
    if let Some(time) = json.get("time_myr").and_then(serde_json::Value::as_f64) {
        let _ = writeln!(
            text,
            "      <DataArray type=\"Float64\" Name=\"TimeValue\" NumberOfTuples=\"1\" \
             format=\"ascii\">{time:?}</DataArray>"
        );
    }
    // A text is a list of its bytes, with a zero behind it.
    let bytes: Vec<_> = json.to_string().bytes().map(|byte| byte.to_string()).collect();
    let _ = writeln!(
        text,
        "      <Array type=\"String\" Name=\"about\" NumberOfTuples=\"1\" format=\"ascii\">{} \
         0</Array>\n    </FieldData>",
        bytes.join(" ")
    );
    text
}

/// What VTK calls the type that numbers become, and its bytes.
fn vtk_type(number: NumberType) -> (&'static str, u64) {
    match number {
        NumberType::Int8 => ("Int8", 1),
        NumberType::Int16 => ("Int16", 2),
        NumberType::Int32 => ("Int32", 4),
        NumberType::Int64 => ("Int64", 8),
        NumberType::UInt8 | NumberType::Bool => ("UInt8", 1),
        NumberType::UInt16 => ("UInt16", 2),
        NumberType::UInt32 => ("UInt32", 4),
        NumberType::UInt64 => ("UInt64", 8),
        // Half of a float is not among VTK's types.
        NumberType::Float16 | NumberType::Float32 => ("Float32", 4),
        NumberType::Float64 => ("Float64", 8),
    }
}

/// Numbers as VTK has them.
fn as_vtk(number: NumberType, bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if number != NumberType::Float16 {
        return bytes.into();
    }
    let mut wide = Vec::with_capacity(2 * bytes.len());
    #[expect(clippy::cast_possible_truncation, reason = "it has no more digits")]
    NumberSlice::new(number, bytes).floats().for_each(|x| wide.extend((x as f32).to_le_bytes()));
    wide.into()
}

/// A text as an attribute's value.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Not allowed in XML, in whatever form.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
