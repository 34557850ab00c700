//! Parts of the box, as Mera's `xrange`, `yrange`, `zrange`, `center` and `range_unit` say them.

use super::quantity::TableKind;
use super::scales::Units;
use super::unit::{UnitError, unit_factor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where ranges are counted from along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Center {
    /// The middle of the box (`:bc`, `:boxcenter`).
    Middle,
    /// A place in the ranges' unit.
    At(f64),
}

impl fmt::Display for Center {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Middle => f.write_str("bc"),
            Self::At(at) => write!(f, "{at:?}"),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RegionWish {
    /// First and last along x, y and z, where they are given.
    pub ranges: [[Option<f64>; 2]; 3],
    /// Where they are counted from; the box's corner if nothing is said.
    pub center: Option<[Center; 3]>,
    /// The unit of both: without one, parts of the box.
    pub unit: Option<String>,
}

/// Why there is no such region.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// Mera has no such unit.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// It ends before it begins.
    #[error(
        "the range along {axis} ends at {high}, before it begins at {low} (in parts of the box)"
    )]
    Inverted {
        /// x, y or z.
        axis: char,
        /// Where it begins.
        low: f64,
        /// Where it ends.
        high: f64,
    },
    /// A number that is not finite.
    #[error("the range along {axis} is not a number")]
    NotFinite {
        /// x, y or z.
        axis: char,
    },
}

/// A part of the box, in parts of its length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Where it begins along x, y, z.
    pub low: [f64; 3],
    /// Where it ends.
    pub high: [f64; 3],
}

const AXES: [char; 3] = ['x', 'y', 'z'];

/// A centre in parts of the box.
///
/// # Errors
/// If Mera has no such unit.
pub fn center_fractions(
    center: [Center; 3],
    unit: Option<&str>,
    boxlen: f64,
    units: &Units,
) -> Result<[f64; 3], UnitError> {
    let factor = factor(unit, units)?;
    Ok(center.map(|along| match (along, factor) {
        (Center::Middle, _) => 0.5,
        (Center::At(at), None) => at,
        // In this order: `center / S.u / boxlen`.
        (Center::At(at), Some(factor)) => at / factor / boxlen,
    }))
}

/// The scale factor of ranges; none where they are parts of the box.
fn factor(unit: Option<&str>, units: &Units) -> Result<Option<f64>, UnitError> {
    match unit {
        None | Some("standard") => Ok(None),
        Some(unit) => unit_factor(unit, units).map(Some),
    }
}

impl Region {
    /// The region that was asked for, cut off at the box (Mera's `prepranges`).
    ///
    /// # Errors
    /// If the unit is not known or a range ends before it begins.
    pub fn of(wish: &RegionWish, boxlen: f64, units: &Units) -> Result<Self, RegionError> {
        let factor = factor(wish.unit.as_deref(), units)?;
        let mut region = Self { low: [0.0; 3], high: [1.0; 3] };
        let center = wish.center.unwrap_or([Center::At(0.0); 3]);
        let sides = region.low.iter_mut().zip(&mut region.high);
        for (((low, high), range), (center, axis)) in
            sides.zip(&wish.ranges).zip(center.iter().zip(AXES))
        {
            let center = match (center, factor) {
                (Center::At(at), _) => *at,
                (Center::Middle, None) => 0.5,
                (Center::Middle, Some(factor)) => boxlen * 0.5 * factor,
            };
            let fraction = |side: f64| match factor {
                None => side + center,
                Some(factor) => (side + center) / (boxlen * factor),
            };
            let [first, last] = range.map(|side| side.map(fraction));
            let (first, last) = (first.unwrap_or(0.0), last.unwrap_or(1.0));
            if !first.is_finite() || !last.is_finite() {
                return Err(RegionError::NotFinite { axis });
            }
            if first > last {
                return Err(RegionError::Inverted { axis, low: first, high: last });
            }
            (*low, *high) = (first.clamp(0.0, 1.0), last.clamp(0.0, 1.0));
        }
        Ok(region)
    }

    /// Whether a row is in it. Of cells, `at` is their place in whole numbers and `scale` the number of
    /// cells of their level along the box: they are in where they touch the region from inside.
    /// Points are in with its borders; `scale` is the length of the box then.
    pub fn holds(&self, table: TableKind, at: [f64; 3], scale: f64) -> bool {
        let sides = self.low.iter().zip(&self.high).zip(at);
        if table.is_cells() {
            sides.into_iter().all(|((low, high), c)| c / scale > *low && (c - 1.0) / scale < *high)
        } else {
            sides.into_iter().all(|((low, high), x)| *low * scale <= x && x <= *high * scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Units =
        Units { length: 3.085_677_581_28e21, density: 6.8e-23, time: 4.7e14, mass: 2.0e42 };

    fn wish(ranges: [[Option<f64>; 2]; 3], center: Option<Center>, unit: &str) -> RegionWish {
        let unit = (!unit.is_empty()).then(|| unit.to_owned());
        RegionWish { ranges, center: center.map(|center| [center; 3]), unit }
    }

    const ALL: [Option<f64>; 2] = [None, None];

    #[test]
    fn parts_of_the_box_are_counted_from_the_corner_or_the_centre() {
        let x = [[Some(0.4), Some(0.6)], ALL, [None, Some(0.55)]];
        let region = Region::of(&wish(x, None, ""), 48.0, &UNITS).unwrap();
        assert_eq!(region, Region { low: [0.4, 0.0, 0.0], high: [0.6, 1.0, 0.55] });
        let x = [[Some(-0.125), Some(0.125)], ALL, ALL];
        let region = Region::of(&wish(x, Some(Center::Middle), "standard"), 48.0, &UNITS).unwrap();
        assert_eq!(region, Region { low: [0.375, 0.0, 0.0], high: [0.625, 1.0, 1.0] });
    }

    #[test]
    fn units_are_divided_by_the_box() {
        let x = [[Some(-8.0), Some(8.0)], [Some(-100.0), None], [None, Some(100.0)]];
        let region = Region::of(&wish(x, Some(Center::Middle), "kpc"), 48.0, &UNITS).unwrap();
        assert!((region.low[0] - 16.0 / 48.0).abs() < 1e-15);
        assert!((region.high[0] - 32.0 / 48.0).abs() < 1e-15);
        assert_eq!((region.low[1], region.high[2]), (0.0, 1.0), "cut off at the box");
        let here = center_fractions([Center::At(12.0); 3], Some("kpc"), 48.0, &UNITS).unwrap();
        assert!((here[0] - 0.25).abs() < 1e-15);
        assert_eq!(center_fractions([Center::Middle; 3], Some("pc"), 48.0, &UNITS), Ok([0.5; 3]));
    }

    #[test]
    fn impossible_regions_are_refused() {
        let of = |low, high, unit: &str| {
            Region::of(&wish([ALL, [Some(low), Some(high)], ALL], None, unit), 1.0, &UNITS)
                .unwrap_err()
                .to_string()
        };
        assert!(of(0.6, 0.4, "").starts_with("the range along y ends at 0.4, before it begins"));
        assert_eq!(of(f64::NAN, 0.4, ""), "the range along y is not a number");
        assert_eq!(of(0.0, f64::INFINITY, ""), "the range along y is not a number");
        assert!(of(0.0, 1.0, "lightyears").contains("is not a unit"));
    }

    #[test]
    fn cells_count_where_they_touch_and_points_with_the_borders() {
        let region = Region { low: [0.25; 3], high: [0.5; 3] };
        let cell = |c: f64| region.holds(TableKind::Hydro, [c; 3], 16.0);
        // Cell 4 ends where the region begins, cell 9 begins where it ends.
        assert_eq!([4.0, 5.0, 8.0, 9.0].map(cell), [false, true, true, false]);
        let point = |x: f64| region.holds(TableKind::Particles, [x; 3], 8.0);
        assert_eq!([1.99, 2.0, 4.0, 4.01].map(point), [false, true, true, false]);
    }
}
