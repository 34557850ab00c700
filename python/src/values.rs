//! Makes Python objects of Julia's values.
//!
//! A value is read without the interpreter, then turned into objects here, without recursion: values
//! nest more deeply than Python likes. What can be met again (arrays, dictionaries, structs) is made
//! before its parts, so that cycles close; what Python cannot change later (tuples and the like) after
//! them.

use crate::errors::{own, wrong};
use crate::layout::complex;
use crate::records::packed;
use jld2::{Array, Dict, JuliaType, NumberArray, Param, Scalar, Struct, Tuple, Value, Vector};
use jldconv::julia::big_integer;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyModule, PyString, PyTuple};
use std::collections::HashMap;
use std::vec::IntoIter;

/// Turns values into objects.
pub(crate) struct Maker<'py> {
    py: Python<'py>,
    /// The package's classes and what makes them.
    classes: Bound<'py, PyModule>,
    numpy: Bound<'py, PyModule>,
    /// What gives a flat array its shape, in one order of dimensions or the other.
    shaping: Bound<'py, PyAny>,
    types: HashMap<JuliaType, Bound<'py, PyAny>>,
    /// What can be met again, by the number it has.
    shared: HashMap<u64, Bound<'py, PyAny>>,
}

/// Something with parts that are being made.
struct Open<'py> {
    what: What<'py>,
    /// What it is known by if it is met again.
    id: Option<u64>,
    parts: IntoIter<Value>,
    made: Bound<'py, PyList>,
}

enum What<'py> {
    /// A flat array, and the one of its shape.
    Array(Bound<'py, PyAny>, Bound<'py, PyAny>),
    /// Keys and values by turns.
    Dict(Bound<'py, PyAny>),
    Struct(Bound<'py, PyAny>, Bound<'py, PyTuple>),
    Tuple,
    /// Made of its fields at the end: named tuples, pairs, complex numbers, sets, bit arrays.
    Late(Bound<'py, PyAny>, Bound<'py, PyTuple>),
    /// An array of complex numbers.
    Complex(&'static str, Vec<u64>),
}

/// What comes of a value at once.
enum Next<'py> {
    Made(Bound<'py, PyAny>),
    Open(Open<'py>),
}

impl<'py> Maker<'py> {
    /// Makes arrays with Julia's order of dimensions, or with `reversed` HDF5's.
    pub(crate) fn new(py: Python<'py>, reversed: bool) -> PyResult<Self> {
        let (types, shared) = (HashMap::new(), HashMap::new());
        let classes = py.import("jldconv._values")?;
        let shaping = classes.getattr(if reversed { "shaped_reversed" } else { "shaped" })?;
        Ok(Self { py, classes, numpy: py.import("numpy")?, shaping, types, shared })
    }

    /// The object for a value.
    pub(crate) fn object(&mut self, value: Value) -> PyResult<Bound<'py, PyAny>> {
        let mut open: Vec<Open<'py>> = Vec::new();
        let mut next = self.begin(value)?;
        loop {
            match next {
                Next::Open(further) => open.push(further),
                Next::Made(object) => match open.last() {
                    Some(around) => around.made.append(object)?,
                    None => return Ok(object),
                },
            }
            let part = open.last_mut().and_then(|around| around.parts.next());
            next = match (part, open.pop()) {
                (Some(part), Some(around)) => {
                    open.push(around);
                    self.begin(part)?
                }
                (None, Some(done)) => Next::Made(self.end(done)?),
                (_, None) => return Err(own(self.py, "Error", "a value without an end")),
            };
        }
    }

    fn begin(&mut self, value: Value) -> PyResult<Next<'py>> {
        Ok(match value {
            Value::Array(array) => self.array(array)?,
            Value::Dict(dict) => self.dict(dict)?,
            Value::Struct(s) => self.structure(s)?,
            Value::Tuple(tuple) => Next::Open(self.tuple(tuple)),
            simple => Next::Made(self.simple(simple)?),
        })
    }

    fn simple(&mut self, value: Value) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        match value {
            Value::Undefined => self.classes.getattr("undef"),
            Value::Nothing => Ok(py.None().into_bound(py)),
            Value::Missing => self.classes.getattr("missing"),
            Value::Number(scalar) => self.scalar(&scalar),
            Value::Primitive(t, scalar) => {
                let t = self.julia_type(&t)?;
                let bits = self.bits(&scalar)?;
                self.classes.getattr("Primitive")?.call1((t, bits))
            }
            Value::String(text) => Ok(PyString::new(py, &text).into_any()),
            Value::Symbol(text) => self.classes.getattr("Symbol")?.call1((text,)),
            Value::Text(t, text) if t.name() == "Base.GMP.BigInt" => {
                match big_integer(text.as_bytes()) {
                    Some(decimal) => py.get_type::<PyInt>().call1((decimal,)),
                    None => self.classes.getattr("big_integer")?.call1((text,)),
                }
            }
            Value::Text(t, text) => {
                let t = self.julia_type(&t)?;
                self.classes.getattr("Text")?.call1((t, text))
            }
            Value::Type(t) => self.julia_type(&t),
            Value::Numbers(array) => {
                let id = array.id;
                let object = self.numbers(array)?;
                Ok(self.keep(id, object))
            }
            Value::Shared(id) => self.shared.get(&id).cloned().ok_or_else(|| {
                let text = "a value that contains itself where Python cannot have that";
                own(py, "UnsupportedError", text)
            }),
            // Those with parts, and what there may be one day.
            other => Err(own(py, "UnsupportedError", &format!("a value of a new kind: {other}"))),
        }
    }

    fn keep(&mut self, id: Option<u64>, object: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        if let Some(id) = id {
            self.shared.insert(id, object.clone());
        }
        object
    }

    /// A number: `int`, `float`, `bool` for Julia's usual ones, NumPy's for the others.
    fn scalar(&self, scalar: &Scalar) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let numpy = |name: &str, bits: Bound<'py, PyAny>| self.numpy.getattr(name)?.call1((bits,));
        match scalar {
            Scalar::Bool(v) => Ok(PyBool::new(py, *v).to_owned().into_any()),
            Scalar::Float64(v) => Ok(PyFloat::new(py, *v).into_any()),
            Scalar::Float32(v) => numpy("float32", PyFloat::new(py, f64::from(*v)).into_any()),
            Scalar::Float16(v) => {
                let bits = numpy("uint16", v.into_pyobject(py)?.into_any())?;
                bits.call_method1("view", (self.numpy.getattr("float16")?,))
            }
            Scalar::Int8(_) => numpy("int8", self.bits(scalar)?),
            Scalar::Int16(_) => numpy("int16", self.bits(scalar)?),
            Scalar::Int32(_) => numpy("int32", self.bits(scalar)?),
            Scalar::UInt8(_) => numpy("uint8", self.bits(scalar)?),
            Scalar::UInt16(_) => numpy("uint16", self.bits(scalar)?),
            Scalar::UInt32(_) => numpy("uint32", self.bits(scalar)?),
            Scalar::UInt64(_) => numpy("uint64", self.bits(scalar)?),
            Scalar::Char(v) => self.classes.getattr("char")?.call1((v,)),
            _ => self.bits(scalar),
        }
    }

    /// A number's bits as an `int`.
    fn bits(&self, scalar: &Scalar) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        match scalar {
            Scalar::UInt128(v) => Ok(v.into_pyobject(py)?.into_any()),
            Scalar::Bits(bytes) => {
                py.get_type::<PyInt>().call_method1("from_bytes", (&bytes[..], "little"))
            }
            other => match (other.as_i128(), other.as_f64()) {
                (Some(integer), _) => Ok(integer.into_pyobject(py)?.into_any()),
                (None, Some(float)) => Ok(PyFloat::new(py, float).into_any()),
                (None, None) => Err(wrong(format!("a number of a new kind: {other}"))),
            },
        }
    }

    /// The package's object for a type; one for all that are equal.
    pub(crate) fn julia_type(&mut self, t: &JuliaType) -> PyResult<Bound<'py, PyAny>> {
        if let Some(known) = self.types.get(t) {
            return Ok(known.clone());
        }
        let py = self.py;
        let mut params = Vec::new();
        if let JuliaType::Union(members) = t {
            for member in members {
                params.push(self.julia_type(member)?);
            }
        } else if let Some(elements) = t.tuple_elements() {
            for element in elements {
                params.push(self.julia_type(element)?);
            }
        } else {
            for param in t.params() {
                params.push(match param {
                    Param::Type(t) => self.julia_type(t)?,
                    Param::Int(i) => i.into_pyobject(py)?.into_any(),
                    Param::Symbol(name) => self.classes.getattr("Symbol")?.call1((name,))?,
                    Param::Symbols(names) => {
                        let symbol = self.classes.getattr("Symbol")?;
                        let names: PyResult<Vec<_>> =
                            names.iter().map(|name| symbol.call1((name,))).collect();
                        PyTuple::new(py, names?)?.into_any()
                    }
                    Param::Other(text) => PyString::new(py, text).into_any(),
                });
            }
        }
        let name = if t.tuple_elements().is_some() { "Core.Tuple" } else { t.name() };
        let args = (t.to_string(), name, PyTuple::new(py, params)?);
        let made = self.classes.getattr("Type")?.call1(args)?;
        self.types.insert(t.clone(), made.clone());
        Ok(made)
    }

    /// An array of numbers: its memory becomes NumPy's.
    fn numbers(&self, array: NumberArray) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let flat = match array.values {
            Vector::Int8(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Int16(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Int32(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Int64(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::UInt8(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::UInt16(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::UInt32(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::UInt64(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Float32(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Float64(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Bool(v) => PyArray1::from_vec(py, v).into_any(),
            Vector::Float16(v) => {
                let bits = PyArray1::from_vec(py, v).into_any();
                bits.call_method1("view", (self.numpy.getattr("float16")?,))?
            }
            Vector::Int128(v) => self.filled(PyList::new(py, v)?)?,
            Vector::UInt128(v) => self.filled(PyList::new(py, v)?)?,
            other => {
                let text = format!("{} numbers of a new kind", other.len());
                return Err(own(py, "UnsupportedError", &text));
            }
        };
        self.shaped(&flat, &array.dims)
    }

    /// A flat array of these objects.
    fn filled(&self, items: Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
        let flat = self.classes.getattr("objects")?.call1((items.len(),))?;
        self.classes.getattr("fill")?.call1((&flat, items))?;
        Ok(flat)
    }

    fn shaped(&self, flat: &Bound<'py, PyAny>, dims: &[u64]) -> PyResult<Bound<'py, PyAny>> {
        self.shaping.call1((flat, PyTuple::new(self.py, dims)?))
    }

    fn array(&mut self, array: Array) -> PyResult<Next<'py>> {
        if let Some((layout, bytes)) = packed(&array) {
            let bytes = PyArray1::from_vec(self.py, bytes);
            let dtype = layout.dtype(self.py)?;
            let flat = self.classes.getattr("records")?.call1((bytes, dtype))?;
            let object = self.shaped(&flat, &array.dims)?;
            return Ok(Next::Made(self.keep(array.id, object)));
        }
        let Array { julia_type, id, dims, items } = array;
        let element = julia_type.type_param(0);
        let made = PyList::empty(self.py);
        let parts = items.into_iter();
        if let Some(letters) = element.and_then(complex) {
            let what = What::Complex(letters, dims);
            return Ok(Next::Open(Open { what, id, parts, made }));
        }
        let flat = self.classes.getattr("objects")?.call1((parts.len(),))?;
        let shaped = self.shaped(&flat, &dims)?;
        self.keep(id, shaped.clone());
        Ok(Next::Open(Open { what: What::Array(flat, shaped), id, parts, made }))
    }

    fn dict(&mut self, dict: Dict) -> PyResult<Next<'py>> {
        let t = self.julia_type(&dict.julia_type)?;
        let object = self.classes.getattr("Dict")?.call1((t,))?;
        self.keep(dict.id, object.clone());
        let parts: Vec<Value> = dict.pairs.into_iter().flat_map(|(k, v)| [k, v]).collect();
        let (parts, made) = (parts.into_iter(), PyList::empty(self.py));
        Ok(Next::Open(Open { what: What::Dict(object), id: dict.id, parts, made }))
    }

    fn structure(&mut self, s: Struct) -> PyResult<Next<'py>> {
        let late = is_late(&s.julia_type);
        let t = self.julia_type(&s.julia_type)?;
        let (names, values): (Vec<String>, Vec<Value>) = s.fields.into_iter().unzip();
        let names = PyTuple::new(self.py, names)?;
        let what = if late {
            What::Late(t, names)
        } else {
            let object = self.classes.getattr("new_struct")?.call1((t,))?;
            self.keep(s.id, object.clone());
            What::Struct(object, names)
        };
        let made = PyList::empty(self.py);
        Ok(Next::Open(Open { what, id: s.id, parts: values.into_iter(), made }))
    }

    fn tuple(&self, tuple: Tuple) -> Open<'py> {
        let made = PyList::empty(self.py);
        Open { what: What::Tuple, id: tuple.id, parts: tuple.items.into_iter(), made }
    }

    fn end(&mut self, done: Open<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Open { what, id, made, .. } = done;
        let object = match what {
            What::Array(flat, shaped) => {
                self.classes.getattr("fill")?.call1((flat, made))?;
                shaped
            }
            What::Dict(object) => {
                object.call_method1("_fill", (made,))?;
                return Ok(object);
            }
            What::Struct(object, names) => {
                self.classes.getattr("fill_struct")?.call1((&object, names, made))?;
                return Ok(object);
            }
            What::Tuple => made.to_tuple().into_any(),
            What::Late(t, names) => {
                self.classes.getattr("late")?.call1((t, names, made, &self.shaping))?
            }
            What::Complex(letters, dims) => {
                let flat = self.classes.getattr("complexes")?.call1((made, letters))?;
                self.shaped(&flat, &dims)?
            }
        };
        Ok(self.keep(id, object))
    }
}

/// Whether values of a type become something else than a struct with fields. Their parts come first:
/// Python's own kinds of them cannot be changed.
fn is_late(t: &JuliaType) -> bool {
    t.is_named_tuple()
        || matches!(
            t.name(),
            "Core.Pair" | "Base.Pair" | "Base.Complex" | "Base.Set" | "Base.BitArray"
        )
}

/// The object for a value; see [`Maker::new`].
pub(crate) fn object(py: Python<'_>, value: Value, reversed: bool) -> PyResult<Bound<'_, PyAny>> {
    Maker::new(py, reversed)?.object(value)
}

/// The object for a type.
pub(crate) fn type_object<'py>(py: Python<'py>, t: &JuliaType) -> PyResult<Bound<'py, PyAny>> {
    Maker::new(py, false)?.julia_type(t)
}
