//! What a session's next window must know of its past, and what its last row will say: its carry.
//!
//! R1  A connection without a report for [`IDLE_MS`] is forgotten; so is what its series had. Of a series that is gone from a living
//!     connection for as long only the name is kept, so that it is not taken for a new one if it comes back.
//! R2  A session is over when nothing came for [`IDLE_MS`], or when its participant left.

use super::controller::Steering;
use super::found::Path;
use super::layout::Class;
use super::sample::{Sample, places};
use super::totals::Totals;
use super::walk::Last;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};

/// After this time without a report a session is over, ms.
pub const IDLE_MS: i64 = 120_000;
/// The most roll-up keys of a session that are remembered.
const PLACES_MAX: usize = 8;
/// The most series of a connection that are remembered after they are gone.
const GONE_MAX: usize = 256;

/// Where a session was served from, and in how many reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) edge: &'a str,
    pub(super) region: &'a str,
    pub(super) app: &'a str,
    pub(super) records: i64,
}

/// The worst window so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worst {
    /// Its score, MOS · 1000; 0 = none has one.
    pub(super) score_milli: i64,
    /// Its start, ms.
    pub(super) start_ms: i64,
}

/// A session so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life<'a> {
    pub(super) started_ms: i64,
    pub(super) last_ms: i64,
    /// When its participant left, if nothing came after that.
    pub(super) left_ms: Option<i64>,
    pub(super) connections_count: i64,
    pub(super) path: Path,
    pub(super) worst: Worst,
    /// What is left of times that rows give in whole ms, microseconds: played, stalled, of gaps.
    pub(super) left_over_us: [i64; 3],
    pub(super) steering: Steering,
    pub(super) totals: Totals,
    pub(super) places: Vec<Place<'a>>,
    /// In order of their hashes.
    pub(super) connections: Vec<Connection>,
}

/// A peer connection of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) hash: u64,
    /// When its last report was, by its clock, and what makes event time of that.
    pub(super) device_us: i64,
    pub(super) shift_us: i64,
    pub(super) interval_ms: Option<i64>,
    /// When gathering began, checks began, a path was found, and the last offer came, as long as their ends have not come, microseconds of
    /// its clock.
    pub(super) pending_us: [Option<i64>; 4],
    /// Whether a frame of video has been decoded.
    pub(super) has_frames: bool,
    /// The last round trip on the path in use: event time and value, microseconds.
    pub(super) rtt: Option<(i64, i64)>,
    /// In order of their hashes.
    pub(super) series: Vec<Last>,
    /// Hashes of series that are gone, ascending.
    pub(super) gone: Vec<u64>,
}

impl Connection {
    pub(super) const fn new(hash: u64) -> Self {
        Self {
            hash,
            device_us: 0,
            shift_us: 0,
            interval_ms: None,
            pending_us: [None; 4],
            has_frames: false,
            rtt: None,
            series: Vec::new(),
            gone: Vec::new(),
        }
    }

    pub(super) fn time_us(&self) -> i64 {
        self.device_us.saturating_add(self.shift_us)
    }

    /// Forgets what is gone for long (R1).
    fn settle(&mut self, end_us: i64) {
        let Self { series, gone, .. } = self;
        series.retain(|last| {
            let is_there = end_us.saturating_sub(last.sample.time_us()) <= IDLE_MS * 1000;
            if !is_there && let Err(place) = gone.binary_search(&last.sample.series) {
                gone.insert(place, last.sample.series);
            }
            is_there
        });
        gone.truncate(GONE_MAX);
    }
}

impl<'a> Life<'a> {
    /// A session whose first report is at this time.
    pub(super) fn begin(started_ms: i64) -> Self {
        Self {
            started_ms,
            last_ms: started_ms,
            left_ms: None,
            connections_count: 0,
            path: Path::Unknown,
            worst: Worst::default(),
            left_over_us: [0; 3],
            steering: Steering::default(),
            totals: Totals::default(),
            places: Vec::new(),
            connections: Vec::new(),
        }
    }

    /// When it is over if nothing more comes, ms.
    pub(super) fn time_out_ms(&self) -> i64 {
        self.left_ms.unwrap_or(self.last_ms.saturating_add(IDLE_MS))
    }

    /// Takes out a connection, to put it back with [`Self::put_back`]; a new one counts.
    pub(super) fn take(&mut self, hash: u64) -> (Connection, bool) {
        match self.connections.binary_search_by_key(&hash, |one| one.hash) {
            Ok(place) => (self.connections.remove(place), true),
            Err(_) => {
                self.connections_count = self.connections_count.saturating_add(1);
                (Connection::new(hash), false)
            }
        }
    }

    pub(super) fn put_back(&mut self, connection: Connection) {
        let place = self.connections.partition_point(|one| one.hash < connection.hash);
        self.connections.insert(place, connection);
    }

    /// Adds reports at a place.
    pub(super) fn add_place(&mut self, edge: &'a str, region: &'a str, app: &'a str, records: i64) {
        let is = |place: &&mut Place<'_>| (place.edge, place.region, place.app) == (edge, region, app);
        match self.places.iter_mut().find(is) {
            Some(place) => place.records = place.records.saturating_add(records),
            None => self.places.push(Place { edge, region, app, records }),
        }
    }

    /// Ends a window: what is too much is forgotten.
    pub(super) fn settle(&mut self, end_ms: i64) {
        let end_us = end_ms.saturating_mul(1000);
        self.connections.retain(|one| end_us.saturating_sub(one.time_us()) <= IDLE_MS * 1000);
        self.connections.iter_mut().for_each(|one| one.settle(end_us));
        let order = |place: &Place<'a>| (std::cmp::Reverse(place.records), place.edge, place.region, place.app);
        self.places.sort_unstable_by(|left, right| order(left).cmp(&order(right)));
        self.places.truncate(PLACES_MAX);
    }

    /// The place with most reports, ties by name.
    pub(super) fn main_place(&self) -> Option<&Place<'a>> {
        let order = |place: &Place<'a>| (std::cmp::Reverse(place.records), place.edge, place.region, place.app);
        self.places.iter().min_by(|left, right| order(left).cmp(&order(right)))
    }

    /// Writes it down.
    pub(super) fn write(&self, out: &mut Writer) {
        out.integer(self.started_ms);
        packed::write_optional(out, Some(self.last_ms), self.started_ms);
        packed::write_optional(out, self.left_ms, self.started_ms);
        packed::write(out, self.connections_count);
        out.byte(self.path as u8);
        packed::write(out, self.worst.score_milli);
        packed::write_optional(out, Some(self.worst.start_ms), 0);
        self.left_over_us.iter().for_each(|left| packed::write(out, *left));
        self.steering.write(out);
        self.totals.write(out);
        out.unsigned(self.places.len() as u64);
        for place in &self.places {
            [place.edge, place.region, place.app].iter().for_each(|name| out.text(name));
            packed::write(out, place.records);
        }
        out.unsigned(self.connections.len() as u64);
        self.connections.iter().for_each(|connection| connection.write(out));
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Short> {
        let input = &mut Reader::new(bytes);
        let mut life = Self::begin(packed::read_signed(input)?);
        life.last_ms = packed::read_optional(input, life.started_ms)?.unwrap_or(life.started_ms);
        life.left_ms = packed::read_optional(input, life.started_ms)?;
        life.connections_count = packed::read(input)?;
        life.path = Path::numbered(i64::from(input.byte()?)).unwrap_or(Path::Unknown);
        life.worst.score_milli = packed::read(input)?;
        life.worst.start_ms = packed::read_optional(input, 0)?.unwrap_or(0);
        for left in &mut life.left_over_us {
            *left = packed::read(input)?;
        }
        life.steering = Steering::read(input)?;
        life.totals = Totals::read(input)?;
        for _ in 0..input.unsigned()?.min(PLACES_MAX as u64) {
            let [edge, region, app] = [input.text()?, input.text()?, input.text()?];
            life.places.push(Place { edge, region, app, records: packed::read(input)? });
        }
        for _ in 0..input.unsigned()? {
            life.connections.push(Connection::read(input)?);
        }
        Ok(life)
    }
}

impl Connection {
    fn write(&self, out: &mut Writer) {
        out.unsigned(self.hash);
        out.integer(self.device_us);
        out.integer(self.shift_us);
        packed::write_optional(out, self.interval_ms, 0);
        self.pending_us.iter().for_each(|pending| packed::write_optional(out, *pending, 0));
        out.byte(u8::from(self.has_frames));
        packed::write_optional(out, self.rtt.map(|(time_us, _)| time_us), 0);
        if let Some((_, value)) = self.rtt {
            packed::write(out, value);
        }
        out.unsigned(self.series.len() as u64);
        for last in &self.series {
            self.write_series(out, last);
        }
        out.unsigned(self.gone.len() as u64);
        self.gone.iter().for_each(|hash| out.unsigned(*hash));
    }

    fn write_series(&self, out: &mut Writer, last: &Last) {
        let sample = &last.sample;
        out.unsigned(sample.series);
        // One number tells the class, and whether the sample was computed.
        out.byte((sample.class as u8) << 1 | u8::from(last.slack.is_some()));
        out.integer(self.device_us.wrapping_sub(sample.device_us));
        out.integer(self.shift_us.wrapping_sub(sample.shift_us));
        out.unsigned(sample.mask);
        for place in places(sample.mask) {
            out.integer(sample.get(place).unwrap_or(0));
        }
        if let Some(slack) = &last.slack {
            slack.iter().for_each(|slack| packed::write(out, *slack));
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut connection = Self::new(input.unsigned()?);
        connection.device_us = packed::read_signed(input)?;
        connection.shift_us = packed::read_signed(input)?;
        connection.interval_ms = packed::read_optional(input, 0)?;
        for pending in &mut connection.pending_us {
            *pending = packed::read_optional(input, 0)?;
        }
        connection.has_frames = input.byte()? != 0;
        connection.rtt = match packed::read_optional(input, 0)? {
            Some(time_us) => Some((time_us, packed::read(input)?)),
            None => None,
        };
        for _ in 0..input.unsigned()? {
            let last = connection.read_series(input)?;
            connection.series.push(last);
        }
        for _ in 0..input.unsigned()? {
            connection.gone.push(input.unsigned()?);
        }
        Ok(connection)
    }

    fn read_series(&self, input: &mut Reader<'_>) -> Result<Last, Short> {
        let series = input.unsigned()?;
        let kind = input.byte()?;
        let class = Class::numbered(kind >> 1).unwrap_or(Class::Event);
        let device_us = self.device_us.wrapping_sub(input.integer()?);
        let shift_us = self.shift_us.wrapping_sub(input.integer()?);
        let mut sample = Sample::new(self.hash, series, class, device_us, shift_us);
        let mask = input.unsigned()?;
        for place in places(mask) {
            sample.set(place, packed::read_signed(input)?);
        }
        let slack = match kind & 1 {
            0 => None,
            _ => Some([packed::read(input)?, packed::read(input)?, packed::read(input)?]),
        };
        Ok(Last { sample, slack })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::model::webrtc::Member;

    fn lived() -> Life<'static> {
        let mut life = Life::begin(1_767_600_000_000);
        life.last_ms += 90_000;
        life.left_ms = Some(life.last_ms);
        life.path = Path::RelayTcp;
        life.worst = Worst { score_milli: 2_900, start_ms: 1_767_600_010_000 };
        life.left_over_us = [1, 22, 333];
        life.add_place("sfu-fra-3", "eu", "townhall", 18);
        for hash in [77, 5] {
            let (mut connection, _) = life.take(hash);
            (connection.device_us, connection.shift_us) = (1_767_600_090_000_123, -4);
            connection.interval_ms = Some(5_000);
            connection.pending_us = [Some(9), None, Some(0), None];
            connection.has_frames = hash == 5;
            connection.rtt = Some((1_767_600_089_000_000, 41_000));
            let mut sample = Sample::new(hash, 3, Class::VideoIn, 1_767_600_090_000_000, 1_000);
            sample.set(Class::VideoIn.layout().member(Member::BytesReceived), 4_810_200);
            sample.set(Class::VideoIn.layout().member(Member::PacketsLost), -3);
            connection.series.push(Last { sample, slack: Some([7, 0, 9]) });
            connection.gone = vec![8, u64::MAX];
            life.put_back(connection);
        }
        life
    }

    fn written(life: &Life<'_>) -> Vec<u8> {
        let mut out = Writer::default();
        life.write(&mut out);
        out.into_bytes()
    }

    #[test]
    fn a_life_is_read_back_and_what_is_cut_off_is_damaged() {
        let bytes = written(&lived());
        assert_eq!(Life::read(&bytes), Ok(lived()));
        assert!((0..bytes.len()).all(|length| Life::read(&bytes[..length]).is_err()));
    }

    #[test]
    fn of_a_series_that_is_gone_for_long_only_the_name_is_kept() {
        let mut life = lived();
        let end_ms = life.last_ms + IDLE_MS;
        life.settle(end_ms);
        // The series' last sample is 123 us older than the report, and further back than the bound by nothing else.
        assert!(life.connections.iter().all(|one| one.series.len() == 1 && one.gone == [8, u64::MAX]));
        life.connections.iter_mut().for_each(|one| one.device_us += 10_000_000);
        life.settle(end_ms + 5_000);
        assert!(life.connections.iter().all(|one| one.series.is_empty() && one.gone == [3, 8, u64::MAX]));
        life.settle(end_ms + 11_000);
        assert!(life.connections.is_empty());
    }

    proptest! {
        /// Whatever is read, it is written again without a panic.
        #[test]
        fn damage_does_no_harm(places in proptest::collection::vec((0_usize..400, any::<u8>()), 1..4)) {
            let mut bytes = written(&lived());
            for (place, byte) in places {
                let length = bytes.len();
                bytes[place % length] = byte;
            }
            if let Ok(mut life) = Life::read(&bytes) {
                life.settle(1_767_600_100_000);
                let _ = (written(&life), life.time_out_ms(), life.main_place());
            }
        }
    }
}
