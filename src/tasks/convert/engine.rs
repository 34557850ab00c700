//! Converts and examines files on a worker's behalf.

use crate::convert::publish::Existing;
use crate::convert::{
    Converter, Examined, Failure, FileReport, Job, Mode, Observer, Options, Recheck, Wanted,
};
use std::sync::{Arc, Mutex, PoisonError};

/// What converts files: the [`Engine`], or what a test puts in its place.
pub trait Convert: Sync {
    /// See [`Converter::convert_over`](crate::convert::Converter::convert_over).
    ///
    /// # Errors
    /// See there.
    fn convert(
        &self,
        job: &Job,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure>;

    /// See [`Converter::examine`](crate::convert::Converter::examine).
    ///
    /// # Errors
    /// See there.
    fn examine(
        &self,
        job: &Job,
        wanted: &Wanted,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure>;

    /// See [`Converter::recheck`](crate::convert::Converter::recheck).
    ///
    /// # Errors
    /// See there.
    fn recheck(
        &self,
        job: &Job,
        made: Mode,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Recheck, Failure>;
}

/// The conversion of this crate. Keeps what it made of the options for the next file, whose are
/// mostly the same.
#[derive(Debug, Default)]
pub struct Engine {
    last: Mutex<Option<Arc<Converter>>>,
}

impl Engine {
    fn converter(&self, options: &Options) -> Result<Arc<Converter>, Failure> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(converter) = last.as_ref().filter(|last| last.options() == options) {
            return Ok(Arc::clone(converter));
        }
        let fresh = Arc::new(Converter::new(options.clone())?);
        *last = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Convert for Engine {
    fn convert(
        &self,
        job: &Job,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure> {
        self.converter(options)?.convert_over(job, existing, observer)
    }

    fn examine(
        &self,
        job: &Job,
        wanted: &Wanted,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure> {
        self.converter(options)?.examine(job, wanted, observer)
    }

    fn recheck(
        &self,
        job: &Job,
        made: Mode,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Recheck, Failure> {
        self.converter(options)?.recheck(job, made, existing, observer)
    }
}
