//! Chooses the files of a sample.

use std::path::PathBuf;

/// A sample of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The files, with their sizes in bytes.
    pub files: Vec<(PathBuf, u64)>,
}

impl Chosen {
    /// Sum of their sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

/// At most `most` of these files, of not more than `bytes` together: those whose sizes are nearest to
/// the middle one's, since the archive is what they are to stand for. Empty if even one is too large.
pub fn choose(mut files: Vec<(PathBuf, u64)>, most: usize, bytes: u64) -> Chosen {
    files.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let middle = files.get(files.len() / 2).map_or(0, |(_, size)| *size);
    files.sort_by_key(|(_, size)| size.abs_diff(middle));
    let mut chosen = Chosen::default();
    for (path, size) in files {
        if chosen.files.len() >= most {
            break;
        }
        if chosen.bytes().saturating_add(size) <= bytes {
            chosen.files.push((path, size));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_middle_size_stand_for_the_others() {
        let files = |sizes: &[u64]| -> Vec<_> {
            sizes.iter().map(|size| (PathBuf::from(size.to_string()), *size)).collect()
        };
        let sizes = |chosen: &Chosen| chosen.files.iter().map(|it| it.1).collect::<Vec<_>>();
        let many = files(&[1, 90, 100, 110, 5000]);
        assert_eq!(sizes(&choose(many.clone(), 3, 1000)), [100, 90, 110]);
        assert_eq!(sizes(&choose(many.clone(), 3, 195)), [100, 90, 1]);
        assert_eq!(choose(files(&[500, 600]), 3, 195), Chosen::default());
        assert_eq!(choose(many, 2, 1000).bytes(), 190);
        assert_eq!(choose(Vec::new(), 2, 1000), Chosen::default());
    }
}
