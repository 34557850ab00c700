//! Pixels, and what is drawn with them: rectangles and text.

use font8x8::legacy::{BASIC_LEGACY, GREEK_LEGACY};
use std::io::{self, Write};

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

pub(super) const WHITE: Colour = [0xff; 3];
pub(super) const BLACK: Colour = [0x20; 3];
pub(super) const GREY: Colour = [0xd0; 3];
pub(super) const BLUE: Colour = [0x2b, 0x6c, 0xb0];

/// Pixels of a letter before it is made larger.
const LETTER: usize = 8;
/// How much larger letters are drawn.
const SCALE: usize = 2;
/// Greek letters from capital alpha on.
const ALPHA: u32 = 0x390;

/// A picture in the making. What is drawn outside is cut off.
#[derive(Debug)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

/// How wide and how high a letter is, with the gap behind it.
pub(super) const LETTER_SIZE: usize = LETTER * SCALE;

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![WHITE; width.saturating_mul(height)] }
    }

    fn set(&mut self, x: usize, y: usize, colour: Colour) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y.saturating_mul(self.width).saturating_add(x))
        {
            *pixel = colour;
        }
    }

    /// Draws over a pixel, of which only a part is covered.
    pub(super) fn blend(&mut self, [x, y]: [usize; 2], colour: Colour, part: f64) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y.saturating_mul(self.width).saturating_add(x))
        {
            for (old, new) in pixel.iter_mut().zip(colour) {
                let mixed = f64::from(*old) * (1.0 - part) + f64::from(new) * part;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between two bytes"
                )]
                let mixed = mixed.round() as u8;
                *old = mixed;
            }
        }
    }

    /// Fills `width` by `height` pixels from this corner on, to the right and down.
    pub(super) fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], colour: Colour) {
        let until = |from: usize, size: usize, most: usize| from.saturating_add(size).min(most);
        for row in y..until(y, height, self.height) {
            for column in x..until(x, width, self.width) {
                self.set(column, row, colour);
            }
        }
    }

    /// Writes a text, its first letter's upper left corner here.
    pub(super) fn text(&mut self, [x, y]: [usize; 2], text: &str, colour: Colour) {
        for (i, letter) in text.chars().enumerate() {
            let left = x.saturating_add(i.saturating_mul(LETTER_SIZE));
            for (row, bits) in glyph(letter).into_iter().enumerate() {
                for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
                    let at = [left.saturating_add(column * SCALE), y.saturating_add(row * SCALE)];
                    self.fill(at, [SCALE, SCALE], colour);
                }
            }
        }
    }

    /// Writes a text upwards, its first letter's lower left corner here.
    pub(super) fn text_upwards(&mut self, [x, y]: [usize; 2], text: &str, colour: Colour) {
        for (i, letter) in text.chars().enumerate() {
            let Some(bottom) = y.checked_sub(i.saturating_mul(LETTER_SIZE)) else { return };
            for (row, bits) in glyph(letter).into_iter().enumerate() {
                for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
                    let Some(up) = bottom.checked_sub((column + 1) * SCALE) else { continue };
                    self.fill([x.saturating_add(row * SCALE), up], [SCALE, SCALE], colour);
                }
            }
        }
    }

    /// Pixels across and down.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// The pixels, row by row from above: red, green and blue.
    pub fn pixels(&self) -> &[[u8; 3]] {
        &self.pixels
    }

    /// Writes it as PNG.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.png(None, out)
    }

    /// Writes it as PNG that says which software made it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_marked(&self, software: &str, out: &mut dyn Write) -> io::Result<()> {
        self.png(Some(software), out)
    }

    fn png(&self, software: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
        let size = |n: usize| u32::try_from(n).map_err(io::Error::other);
        let size = (size(self.width)?, size(self.height)?);
        super::png::write(out, size, software, self.pixels.as_flattened())
    }
}

/// The rows of a letter; a question mark for what there is no picture of.
fn glyph(letter: char) -> [u8; LETTER] {
    let code = match letter {
        // The sign for a phase is a letter for angles here.
        'ϕ' => 'φ' as u32,
        letter => letter as u32,
    };
    let of = |font: &[[u8; LETTER]], first: u32| {
        font.get(usize::try_from(code.checked_sub(first)?).ok()?).copied()
    };
    let basic = (code < ALPHA).then(|| of(&BASIC_LEGACY, 0)).flatten();
    let found = basic.or_else(|| of(&GREEK_LEGACY, ALPHA));
    found.or_else(|| BASIC_LEGACY.get(usize::from(b'?')).copied()).unwrap_or_default()
}
