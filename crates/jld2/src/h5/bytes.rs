//! Reads little-endian bytes with a cursor that knows where in the file they stand.

use super::{Error, RelAddr, Result};

/// Reads little-endian fields from a slice; every error names the absolute offset.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    offset: u64,
    what: &'static str,
}

impl<'a> Cursor<'a> {
    /// A cursor over `bytes`, which stand at `offset` in the file; `what` names them in errors.
    pub fn new(bytes: &'a [u8], offset: u64, what: &'static str) -> Self {
        Self { rest: bytes, offset, what }
    }

    /// Absolute offset of the next byte.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What is left, without taking it.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.rest.split_at_checked(n) else { return Err(self.short(n)) };
        self.rest = rest;
        self.offset = self.offset.saturating_add(n as u64);
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(N));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(N as u64);
        Ok(*head)
    }

    /// Fewer than `n` bytes are left.
    #[cold]
    fn short(&self, n: usize) -> Error {
        let (expected, found) = (format!("{n} more bytes"), self.rest.len().to_string());
        Error::corrupt(self.offset, self.what, expected, found)
    }

    /// One byte.
    ///
    /// # Errors
    /// If none is left.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[b]| b)
    }

    /// Two bytes as a number.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes as a number.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes as a number.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Eight bytes as an address.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn addr(&mut self) -> Result<RelAddr> {
        self.u64().map(RelAddr)
    }

    /// A number of `width` (1 to 8) bytes.
    ///
    /// # Errors
    /// If fewer are left or `width` is out of bounds.
    #[inline]
    pub fn uint(&mut self, width: usize) -> Result<u64> {
        match width {
            1 => return self.u8().map(u64::from),
            2 => return self.u16().map(u64::from),
            4 => return self.u32().map(u64::from),
            8 => return self.u64(),
            _ => {}
        }
        let mut out = [0; 8];
        match out.get_mut(..width) {
            Some(low) if width > 0 => low.copy_from_slice(self.take(width)?),
            _ => {
                return Err(Error::corrupt(
                    self.offset,
                    self.what,
                    "a field of 1 to 8 bytes",
                    format!("{width}"),
                ));
            }
        }
        Ok(u64::from_le_bytes(out))
    }

    /// Bytes up to a NUL, which is taken too.
    ///
    /// # Errors
    /// If there is no NUL.
    pub fn until_nul(&mut self) -> Result<&'a [u8]> {
        let Some(n) = self.rest.iter().position(|&b| b == 0) else {
            return Err(Error::corrupt(
                self.offset,
                self.what,
                "a NUL-terminated name",
                "no NUL before the end",
            ));
        };
        let name = self.take(n)?;
        self.take(1)?;
        Ok(name)
    }

    /// Fails unless the next byte is `want`.
    ///
    /// # Errors
    /// If it is another.
    #[inline]
    pub fn expect_u8(&mut self, want: u8, what: &'static str) -> Result<()> {
        let at = self.offset;
        let got = self.u8()?;
        if got == want {
            return Ok(());
        }
        Err(Error::corrupt(at, what, want.to_string(), got.to_string()))
    }

    /// Fails unless the next bytes are `want`.
    ///
    /// # Errors
    /// If they are others.
    pub fn expect(&mut self, want: &[u8], what: &'static str) -> Result<()> {
        let at = self.offset;
        let got = self.take(want.len())?;
        if got == want {
            return Ok(());
        }
        let show = |b: &[u8]| b.escape_ascii().to_string();
        Err(Error::corrupt(at, what, show(want), show(got)))
    }
}
