//! Country, region and city by the operator's file in MaxMind's format.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use maxminddb::Reader;
use serde::Deserialize;

use super::UNKNOWN;
use super::recent::Recent;

/// Why a file of places cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("this is no MaxMind DB file of places: {0}; name a file with cities or countries, such as GeoLite2-City.mmdb")]
pub struct Error(#[from] maxminddb::MaxMindDbError);

/// Where a viewer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The country's code (ISO 3166).
    pub country: Box<str>,
    /// The English name of its largest part that the file has.
    pub region: Box<str>,
    /// The English name of the city.
    pub city: Box<str>,
}

/// The operator's file.
pub struct Places {
    reader: Reader<Vec<u8>>,
}

impl Places {
    /// From the bytes of a file.
    ///
    /// # Errors
    /// It is in another format.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        Ok(Self { reader: Reader::from_source(bytes)? })
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Places").finish_non_exhaustive()
    }
}

/// What is read of an entry; files of cities, countries and larger ones have it alike.
#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    country: Option<Part<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<Part<'a>>,
    #[serde(borrow)]
    city: Option<Part<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Part<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow, default)]
    names: BTreeMap<&'a str, &'a str>,
}

impl Part<'_> {
    fn name(&self) -> Option<&str> {
        self.names.get("en").copied().or(self.iso_code)
    }
}

/// Finds places.
#[derive(Debug)]
pub(super) struct Lookup {
    places: Option<Arc<Places>>,
    /// By where in the file an entry is: no address is kept.
    recent: Recent<Offset, Place>,
    nowhere: Arc<Place>,
}

/// Where in the file an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Offset(usize);

impl From<&Self> for Offset {
    fn from(offset: &Self) -> Self {
        *offset
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Lookup {
    /// In this file.
    pub(super) fn new(places: Option<Arc<Places>>) -> Self {
        Self { places, recent: Recent::default(), nowhere: Arc::new(named(None, None, None)) }
    }

    /// Where an address is.
    pub(super) fn place(&mut self, address: Option<IpAddr>) -> Arc<Place> {
        let (Some(places), Some(address)) = (&self.places, address) else { return Arc::clone(&self.nowhere) };
        let Ok(found) = places.reader.lookup(address.to_canonical()) else { return Arc::clone(&self.nowhere) };
        let Some(offset) = found.offset() else { return Arc::clone(&self.nowhere) };
        self.recent.get(&Offset(offset), || match found.decode::<Entry<'_>>() {
            Ok(Some(entry)) => of_entry(&entry),
            _ => named(None, None, None),
        })
    }
}

fn of_entry(entry: &Entry<'_>) -> Place {
    let country = entry.country.as_ref().and_then(|country| country.iso_code);
    let region = entry.subdivisions.first().and_then(Part::name);
    named(country, region, entry.city.as_ref().and_then(Part::name))
}

fn named(country: Option<&str>, region: Option<&str>, city: Option<&str>) -> Place {
    let name = |name: Option<&str>| Box::from(name.filter(|name| !name.is_empty()).unwrap_or(UNKNOWN));
    Place { country: name(country), region: name(region), city: name(city) }
}
