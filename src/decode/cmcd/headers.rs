//! The four CMCD headers, from `Name: value` lines.
//!
//! R1  Names are case-insensitive; a header may come several times; a key may stand in any of the four (players misplace them).
//! R2  The four are read in the order object, request, status, session, so that the result does not depend on the order of lines.

use smallvec::SmallVec;

use crate::model::Reason;
use crate::model::cmcd::Keys;

use super::reading::Reading;

/// The four headers, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Header {
    /// `CMCD-Object`.
    Object,
    /// `CMCD-Request`.
    Request,
    /// `CMCD-Status`.
    Status,
    /// `CMCD-Session`.
    Session,
}

impl Header {
    /// All four, in order.
    pub(super) const ALL: [Self; 4] = [Self::Object, Self::Request, Self::Status, Self::Session];

    /// By what follows `CMCD-`.
    fn from_ending(ending: &str) -> Option<Self> {
        let names = ["object", "request", "status", "session"];
        names.iter().zip(Self::ALL).find(|(name, _)| ending.eq_ignore_ascii_case(name)).map(|(_, header)| header)
    }
}

/// The CMCD headers of one request, still to be read.
#[derive(Debug, Default)]
pub(super) struct CmcdHeaders<'a> {
    values: SmallVec<[(Header, &'a str); 4]>,
    is_last_cut: bool,
}

impl<'a> CmcdHeaders<'a> {
    /// The CMCD headers among the lines of `text`. `is_cut` = the log cut the text off at its end.
    pub(super) fn among(text: &'a str, is_cut: bool) -> Self {
        let mut headers = Self::default();
        for line in text.split('\n') {
            let Some((name, value)) = line.split_once(':') else {
                headers.is_last_cut = false;
                continue;
            };
            let header = name.trim().split_at_checked(5).and_then(|(prefix, ending)| {
                if prefix.eq_ignore_ascii_case("CMCD-") { Header::from_ending(ending) } else { None }
            });
            headers.is_last_cut = is_cut && header.is_some();
            if let Some(header) = header {
                headers.add(header, value);
            }
        }
        headers
    }

    /// Adds the value of one header.
    pub(super) fn add(&mut self, header: Header, value: &'a str) {
        self.values.push((header, value.trim_end_matches('\r')));
    }

    /// Whether there is none, not even an empty one.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Reads them into one record.
    pub(super) fn read(&self, reading: &mut Reading<'_>, keys: &mut Keys<'a>) -> Result<(), Reason> {
        let last = self.values.len().saturating_sub(1);
        for wanted in Header::ALL {
            for (position, (header, value)) in self.values.iter().enumerate() {
                if *header != wanted {
                    continue;
                }
                if self.is_last_cut && position == last {
                    reading.cut_payload(value, keys)?;
                } else {
                    reading.payload(value, keys)?;
                }
            }
        }
        Ok(())
    }
}
