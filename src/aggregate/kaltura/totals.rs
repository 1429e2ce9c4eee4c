//! The totals of a roll-up key: one partition's part of a row, its encoding on the bus, the merged row, and a row read back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::counts::{COUNTS, Counts, Sparse};
use super::facet::Part;
use super::formulas::RetentionCurve;
use super::named::NamedCounts;
use super::retention::Audience;
use super::rollup_schema::{
    COMPLETION_PERCENT, ENTRY_NAME, ENTRY_OWNER, ENTRY_SINCE_MS, ERROR_CODES, FLAVOR_VIEWS, RETENTION_SKETCH,
    UNIQUE_SKETCHES, UNIQUES, has_retention, schema_of,
};
use crate::aggregate::packed::{read, read_signed, write};
use crate::aggregate::source::{Extent, UNKNOWN};
use crate::aggregate::{DistinctError, FillingUniques, PartialError, Uniques};
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::kaltura::{Entry, Rollup};
use crate::model::{Schema, Value};

/// The version of the encoding, its first byte.
const VERSION: u8 = 3;
/// The version that had nothing of the catalogue.
const WITHOUT_KNOWN: u8 = 1;
/// The version that had no counts by name.
const WITHOUT_NAMED: u8 = 2;

/// Which viewers or sessions are counted once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Unique {
    /// Viewers with any beacon. Kaltura: unique_known_users.
    Viewers,
    /// Viewers with a first frame. Kaltura: unique_viewers.
    ViewersPlayed,
    /// Viewers with a view. Kaltura: view_unique_audience.
    ViewersViewed,
    /// Viewers with an engaged view. Kaltura: view_unique_engaged_users.
    ViewersEngaged,
    /// Viewers with a view that stalled. Kaltura: view_unique_buffering_users.
    ViewersBuffering,
    /// Viewers with a view behind the live edge. Kaltura: view_unique_audience_dvr.
    ViewersDvr,
    /// Sessions with a view. Kaltura: view_unique_sessions.
    SessionsViewed,
    /// Sessions with an error.
    SessionsWithError,
}

impl Unique {
    /// Every one, in the order of the fields.
    pub const ALL: [Self; UNIQUES] = [
        Self::Viewers,
        Self::ViewersPlayed,
        Self::ViewersViewed,
        Self::ViewersEngaged,
        Self::ViewersBuffering,
        Self::ViewersDvr,
        Self::SessionsViewed,
        Self::SessionsWithError,
    ];

    const fn counts_sessions(self) -> bool {
        matches!(self, Self::SessionsViewed | Self::SessionsWithError)
    }

    /// Whether who did this belongs to it.
    const fn has(self, counts: &Counts) -> bool {
        match self {
            Self::Viewers => counts.records > 0,
            Self::ViewersPlayed => counts.plays > 0,
            Self::ViewersViewed | Self::SessionsViewed => counts.views > 0,
            Self::ViewersEngaged => counts.views_high > 0 || counts.views_good > 0,
            Self::ViewersBuffering => counts.views_buffering > 0,
            Self::ViewersDvr => counts.views_dvr > 0,
            Self::SessionsWithError => counts.errors > 0,
        }
    }
}

/// What adds up, whichever the roll-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// The sums over beacons.
    pub counts: Counts,
    /// How many percent of their entries sessions have seen, added up over sessions. Kaltura: uniquePercentiles.
    pub completion_percent: i64,
    /// Who is counted once each.
    uniques: [Uniques; UNIQUES],
    /// Views by flavour. Kaltura: flavor_params_view_count.
    pub flavor_views: NamedCounts,
    /// Errors by code; `unknown` for those without one.
    pub error_codes: NamedCounts,
    /// Which parts were watched; of roll-ups by entry only.
    pub audience: Audience,
    /// What the catalogue tells of the entry, the newest version; of roll-ups by entry only.
    pub known: Option<Box<Entry>>,
}

impl Sums {
    /// Adds others, of another partition or another window.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.completion_percent = self.completion_percent.saturating_add(other.completion_percent);
        for (own, more) in self.uniques.iter_mut().zip(&other.uniques) {
            own.merge(more);
        }
        self.flavor_views.merge(&other.flavor_views);
        self.error_codes.merge(&other.error_codes);
        self.audience.merge(&other.audience);
        self.know(other.known.as_deref());
    }

    /// Takes the newer version; of two of one moment, which can be of different entries only, the later by text.
    fn know(&mut self, known: Option<&Entry>) {
        if known > self.known.as_deref() {
            self.known = known.cloned().map(Box::new);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.completion_percent == 0 && self.audience.is_empty()
    }

    /// Those who are counted once each.
    pub const fn unique(&self, unique: Unique) -> &Uniques {
        let [viewers, played, viewed, engaged, buffering, dvr, sessions_viewed, with_error] = &self.uniques;
        match unique {
            Unique::Viewers => viewers,
            Unique::ViewersPlayed => played,
            Unique::ViewersViewed => viewed,
            Unique::ViewersEngaged => engaged,
            Unique::ViewersBuffering => buffering,
            Unique::ViewersDvr => dvr,
            Unique::SessionsViewed => sessions_viewed,
            Unique::SessionsWithError => with_error,
        }
    }
}

/// Sums that are being filled.
#[derive(Debug)]
pub(super) struct FillingSums {
    counts: [i64; COUNTS],
    /// All but the counts.
    sums: Sums,
    uniques: [FillingUniques; UNIQUES],
}

impl Default for FillingSums {
    fn default() -> Self {
        Self { counts: [0; COUNTS], sums: Sums::default(), uniques: Default::default() }
    }
}

impl FillingSums {
    /// Adds what a session did here; `counts` are those of the part.
    pub(super) fn add_part(&mut self, part: &Part<'_>, counts: &Sparse, keeps_retention: bool) {
        for (place, count) in counts {
            if let Some(own) = self.counts.get_mut(usize::from(*place)) {
                *own = own.saturating_add(*count);
            }
        }
        part.flavors.iter().for_each(|(flavor, views)| self.sums.flavor_views.add(flavor, *views));
        if part.counts.errors > 0 {
            self.sums.error_codes.add(part.error_code.unwrap_or(UNKNOWN), part.counts.errors);
        }
        if keeps_retention {
            self.sums.know(part.known);
        }
        if let Some(watched) = part.watched {
            self.sums.completion_percent = self.sums.completion_percent.saturating_add(watched.percentiles);
            if keeps_retention {
                self.sums.audience.add(watched);
            }
        }
        let Some(names) = part.names else { return };
        for (unique, uniques) in Unique::ALL.into_iter().zip(&mut self.uniques) {
            if unique.has(part.counts) {
                uniques.add(if unique.counts_sessions() { names.session } else { names.viewer });
            }
        }
    }

    /// Adds others.
    pub(super) fn merge(&mut self, other: Self) {
        self.sums.merge(&other.finish());
    }

    /// It is of many entries: what is known of one of them is not known of all.
    pub(super) fn forget_known(&mut self) {
        self.sums.known = None;
    }

    /// What it all comes to.
    pub(super) fn finish(self) -> Sums {
        let Self { counts, mut sums, uniques } = self;
        sums.counts.merge(&Counts::from_values(counts));
        for (own, filled) in sums.uniques.iter_mut().zip(uniques) {
            let mut filled = filled.finish();
            filled.merge(own);
            *own = filled;
        }
        sums
    }
}

/// Why a row of the store gives no totals.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A text is not base64.
    #[error("the field `{field}` is not base64 ({reason}): was the row written by something else?")]
    Text {
        /// The field's name.
        field: &'static str,
        /// What the decoder says.
        reason: base64::DecodeError,
    },
    /// Bytes are no count of distinct things.
    #[error("the field `{field}`: {reason}")]
    Unique {
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        reason: DistinctError,
    },
    /// A text is no counts by name.
    #[error("the field `{field}` is not a JSON object of numbers ({reason}): was the row written by something else?")]
    Named {
        /// The field's name.
        field: &'static str,
        /// What the parser says.
        reason: serde_json::Error,
    },
    /// Bytes are no retention.
    #[error("the field `{RETENTION_SKETCH}`: {0}")]
    Retention(#[from] PartialError),
}

/// What is known of one roll-up key: in one window, of one partition or merged over all; or in several windows put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupTotals {
    pub(super) rollup: Rollup,
    /// What adds up.
    pub sums: Sums,
}

impl RollupTotals {
    /// The version of its encoding.
    pub const VERSION: u8 = VERSION;

    /// Of this kind of roll-up.
    pub const fn new(rollup: Rollup, sums: Sums) -> Self {
        Self { rollup, sums }
    }

    /// The kind of roll-up.
    pub const fn rollup(&self) -> Rollup {
        self.rollup
    }

    /// Adds others: another partition's of the same window, or those of another window. Whoever is in both counts once.
    pub fn merge(&mut self, other: &Self) {
        self.sums.merge(&other.sums);
    }

    /// Writes the partial: a version byte, the kind, then counts, uniques, counts by name, and audience.
    pub fn encode(&self, out: &mut Writer) {
        out.byte(VERSION);
        out.byte(self.rollup as u8);
        self.sums.counts.write(out);
        out.integer(self.sums.completion_percent);
        self.sums.uniques.iter().for_each(|uniques| uniques.encode(out));
        self.sums.flavor_views.write(out);
        self.sums.error_codes.write(out);
        if has_retention(self.rollup) {
            self.sums.audience.encode(out);
            write_known(self.sums.known.as_deref(), out);
        }
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When it is damaged, or a newer program wrote it.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        let version = input.byte()?;
        let number = input.byte()?;
        let rollup =
            Rollup::ALL.get(usize::from(number)).copied().filter(|_| (WITHOUT_KNOWN..=VERSION).contains(&version));
        let Some(rollup) = rollup else {
            // A kind that is not known here comes from a newer program, too.
            return Err(PartialError::Version { found: version.max(VERSION + 1), known: VERSION });
        };
        let mut sums = Sums { counts: Counts::read(input)?, ..Sums::default() };
        sums.completion_percent = read_signed(input)?;
        for uniques in &mut sums.uniques {
            *uniques = Uniques::from_bytes(input.bytes()?)?;
        }
        if version > WITHOUT_NAMED {
            (sums.flavor_views, sums.error_codes) = (NamedCounts::read(input)?, NamedCounts::read(input)?);
        }
        if has_retention(rollup) {
            sums.audience = Audience::decode(input)?;
            sums.known = if version > WITHOUT_KNOWN { read_known(input)? } else { None };
        }
        Ok(Self { rollup, sums })
    }

    /// The row that they become.
    pub fn schema(&self) -> &'static Schema {
        schema_of(self.rollup)
    }

    /// Calls `each` with the values of the row's fields, in their declared order.
    pub fn visit_fields(&self, extent: Extent, each: impl FnOnce(&[Value<'_>])) {
        let mut values = Vec::with_capacity(COUNTS + 2 * UNIQUES + 8);
        values.extend(self.sums.counts.values().map(Value::Integer));
        values.push(Value::Integer(self.sums.completion_percent));
        values.extend(self.sums.uniques.iter().map(|uniques| Value::Integer(uniques.count())));
        values.push(Value::Integer(extent.partitions_missing));
        let encoded = self.sums.uniques.each_ref().map(|uniques| STANDARD.encode(uniques.to_bytes()));
        values.extend(encoded.iter().map(|text| Value::Text(text)));
        let named = [&self.sums.flavor_views, &self.sums.error_codes].map(NamedCounts::to_text);
        values.extend(named.iter().map(|text| Value::Text(text)));
        if !has_retention(self.rollup) {
            return each(&values);
        }
        let audience = &self.sums.audience;
        let (duration_ms, source) =
            audience.duration().best().map_or((0, UNKNOWN), |(ms, source)| (ms, source.as_str()));
        let curve = RetentionCurve::of(audience);
        let curves = [0, 1].map(|place| curve.as_ref().map(|curve| curve.text(place)).unwrap_or_default());
        let mut out = Writer::default();
        audience.encode(&mut out);
        let sketch = STANDARD.encode(out.as_bytes());
        let resolution_ms = curve.as_ref().map_or(0, |curve| curve.resolution_ms);
        values.extend([Value::Integer(duration_ms), Value::Text(source), Value::Integer(resolution_ms)]);
        values.extend(curves.iter().chain([&sketch]).map(|text| Value::Text(text)));
        let known = self.sums.known.as_deref();
        let (name, owner) = known.map_or(("", ""), |known| (&*known.name, &*known.owner));
        let since_ms = known.map_or(0, |known| known.since_ms);
        values.extend([Value::Text(name), Value::Text(owner), Value::Integer(since_ms)]);
        each(&values);
    }

    /// The totals of a row of the store, from its fields by name. What a row of an older program lacks is nothing.
    ///
    /// # Errors
    /// When a field does not hold what it should.
    pub fn from_row<'v>(rollup: Rollup, field: impl Fn(&str) -> Option<Value<'v>>) -> Result<Self, RowError> {
        let integer = |name: &str| match field(name) {
            Some(Value::Integer(value)) => value,
            _ => 0,
        };
        let bytes = |name: &'static str| match field(name) {
            Some(Value::Text(text)) => STANDARD.decode(text).map_err(|reason| RowError::Text { field: name, reason }),
            _ => Ok(Vec::new()),
        };
        let completion_percent = integer(COMPLETION_PERCENT);
        let mut sums = Sums { counts: Counts::from_named(integer), completion_percent, ..Sums::default() };
        for (uniques, name) in sums.uniques.iter_mut().zip(UNIQUE_SKETCHES) {
            *uniques = Uniques::from_bytes(&bytes(name)?).map_err(|reason| RowError::Unique { field: name, reason })?;
        }
        for (named, name) in [(&mut sums.flavor_views, FLAVOR_VIEWS), (&mut sums.error_codes, ERROR_CODES)] {
            if let Some(Value::Text(text)) = field(name) {
                *named = NamedCounts::from_text(text).map_err(|reason| RowError::Named { field: name, reason })?;
            }
        }
        let sketch = bytes(RETENTION_SKETCH)?;
        if has_retention(rollup) && !sketch.is_empty() {
            sums.audience = Audience::decode(&mut Reader::new(&sketch))?;
        }
        let text = |name: &str| match field(name) {
            Some(Value::Text(text)) => Box::from(text),
            _ => Box::default(),
        };
        let (name, owner): (Box<str>, Box<str>) = (text(ENTRY_NAME), text(ENTRY_OWNER));
        if has_retention(rollup) && !(name.is_empty() && owner.is_empty()) {
            sums.known = Some(Box::new(Entry { since_ms: integer(ENTRY_SINCE_MS), name, owner, duration_ms: None }));
        }
        Ok(Self { rollup, sums })
    }
}

fn write_known(known: Option<&Entry>, out: &mut Writer) {
    out.byte(u8::from(known.is_some()));
    let Some(Entry { since_ms, name, owner, duration_ms }) = known else { return };
    out.integer(*since_ms);
    out.bytes(name.as_bytes());
    out.bytes(owner.as_bytes());
    write(out, duration_ms.unwrap_or(0));
}

fn read_known(input: &mut Reader<'_>) -> Result<Option<Box<Entry>>, Short> {
    if input.byte()? == 0 {
        return Ok(None);
    }
    let since_ms = read_signed(input)?;
    let mut text = || input.bytes().map(|bytes| String::from_utf8_lossy(bytes).into());
    let (name, owner) = (text()?, text()?);
    let duration_ms = Some(read(input)?).filter(|ms| *ms > 0);
    Ok(Some(Box::new(Entry { since_ms, name, owner, duration_ms })))
}
