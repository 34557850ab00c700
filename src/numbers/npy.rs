//! What stands in front of the numbers in NumPy's file of an array: a magic text, a version, and a
//! Python dictionary. The format is described in NumPy's `numpy.lib.format`.

/// Numbers begin at a multiple of this.
const ALIGNMENT: usize = 64;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// How the length of the dictionary is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NpyLength {
    /// In 16 bits, as in version 1: the dictionary is a short one.
    Short,
    /// In 32 bits, as in version 2, and in version 3 where it is not all ASCII.
    Long,
}

/// The bytes in front of the numbers of an array of this shape, the fastest dimension first.
pub(crate) fn npy_header(length: NpyLength, descr: &str, shape: &[u64]) -> Vec<u8> {
    let mut dims: Vec<_> = shape.iter().map(u64::to_string).collect();
    if dims.len() == 1 {
        dims.push(String::new());
    }
    let order = if shape.len() > 1 { "True" } else { "False" };
    let dims = dims.join(", ");
    let dims = dims.trim_end();
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({dims}), }}");
    let version = match length {
        NpyLength::Short => 1,
        NpyLength::Long if text.is_ascii() => 2,
        // Version 3 is version 2 with names in UTF-8.
        NpyLength::Long => 3,
    };
    let front = MAGIC.len() + 2 + if length == NpyLength::Short { 2 } else { 4 };
    // A line's end behind it, and spaces before that.
    let all = (front + text.len() + 1).next_multiple_of(ALIGNMENT);
    text.extend(std::iter::repeat_n(' ', all - front - text.len() - 1));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([version, 0]);
    match length {
        NpyLength::Short => {
            bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
        NpyLength::Long => {
            bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_numpy_writes_them() {
        for (shape, said) in [
            (&[][..], "'shape': (), }"),
            (&[3], "'shape': (3,), }"),
            (&[3, 2], "'shape': (3, 2), }"),
        ] {
            for length in [NpyLength::Short, NpyLength::Long] {
                let header = npy_header(length, "'<f8'", shape);
                assert_eq!(header.len() % ALIGNMENT, 0);
                assert_eq!(header.last(), Some(&b'\n'));
                let text = String::from_utf8_lossy(&header).into_owned();
                assert!(text.contains(said), "{text}");
                assert_eq!(text.contains("'fortran_order': True"), shape.len() > 1);
            }
        }
        assert_eq!(npy_header(NpyLength::Long, "[('ϕ', '<f8')]", &[1])[6], 3);
    }
}
