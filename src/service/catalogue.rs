//! Catalogues of entries, from where the topology says that they are.
//!
//! R1  What is left out of a catalogue is counted, and told in the log with its place, at most once a minute.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::PlanError;
use crate::catalogue::{Catalogue, FileEntries, read_file};
use crate::topology::{CatalogueSource, Source};

/// The catalogue of a source: read whole from its file, or one that is yet to be read from its topic.
pub(super) fn of_source(source: &Source) -> Result<Option<Arc<Catalogue>>, PlanError> {
    match &source.catalogue {
        None => Ok(None),
        Some(CatalogueSource::Topic { settle_ms, .. }) => Ok(Some(Arc::new(Catalogue::followed(*settle_ms)))),
        Some(CatalogueSource::File(path)) => Ok(Some(Arc::new(from_file(&source.name, path)?))),
    }
}

/// The catalogue in a file, for the source of this name.
fn from_file(source: &str, path: &Path) -> Result<Catalogue, PlanError> {
    let (source_name, file) = (source.to_owned(), path.display().to_string());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(PlanError::CatalogueFile { source_name, file, cause }),
    };
    match read_file(&bytes) {
        Ok(FileEntries { entries, rejected }) => {
            let catalogue = Catalogue::whole(entries);
            rejected.iter().for_each(|(reason, at)| catalogue.reject(*reason, *at, 1));
            Ok(catalogue)
        }
        Err(cause) => Err(PlanError::Catalogue { source_name, file, cause }),
    }
}
