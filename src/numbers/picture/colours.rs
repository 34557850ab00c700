//! Scales of colours: those of matplotlib that are perceptually uniform, and a grey one.

use super::canvas::Colour;
use clap::ValueEnum;
use colorous::{CIVIDIS, Gradient, INFERNO, MAGMA, PLASMA, VIRIDIS};
use serde::{Deserialize, Serialize};

/// A scale of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
pub enum Colours {
    /// From violet over green to yellow.
    #[default]
    Viridis,
    /// From black over violet to a light yellow.
    Magma,
    /// From black over red to yellow.
    Inferno,
    /// From blue over red to yellow.
    Plasma,
    /// From blue to yellow: the same for those who cannot tell red from green.
    Cividis,
    /// From black to white.
    Grey,
}

/// Colours that a scale has.
pub(super) const SHADES: usize = 240;

impl Colours {
    /// The colour of a place on the scale, from 0 to 1.
    pub(super) fn at(self, part: f64) -> Colour {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a few hundred shades; a float that is cast saturates"
        )]
        let shade = ((part * SHADES as f64) as usize).min(SHADES - 1);
        let of = |gradient: Gradient| gradient.eval_rational(shade, SHADES).as_array();
        match self {
            Self::Viridis => of(VIRIDIS),
            Self::Magma => of(MAGMA),
            Self::Inferno => of(INFERNO),
            Self::Plasma => of(PLASMA),
            Self::Cividis => of(CIVIDIS),
            Self::Grey => [u8::try_from(shade * 255 / (SHADES - 1)).unwrap_or(u8::MAX); 3],
        }
    }
}
