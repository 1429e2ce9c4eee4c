//! Samples of statistics objects, and how a window keeps those of a session: packed, in the order in which they came.
//!
//! R1  A sample is written as its differences from the first that came of its series. That is how it is kept, not what it says: what comes
//!     out again is put in order first, so that nothing depends on arrival.
//! R2  Of a session and window, the [`CONNECTIONS_MAX`] connections, then the [`SERIES_MAX`] series (by connection, then series) with the
//!     smallest hashes are kept, and of each series the first samples, up to the cap.

use crate::model::bytes::{Reader, Short, Writer};

use super::layout::{Class, WIDTH};

/// Connections of a session.
const CONNECTIONS_MAX: usize = 64;
/// Series of a session.
const SERIES_MAX: usize = 1024;

/// What was known of a statistics object at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// The published hash of the connection's name.
    pub(super) connection: u64,
    /// The published hash of the connection's name and the object's id.
    pub(super) series: u64,
    pub(super) class: Class,
    /// When, by the reporter's clock, microseconds.
    pub(super) device_us: i64,
    /// What makes event time of it.
    pub(super) shift_us: i64,
    /// Which values there are, a bit for each place.
    pub(super) mask: u64,
    pub(super) values: [i64; WIDTH],
}

impl Sample {
    pub(super) const fn new(connection: u64, series: u64, class: Class, device_us: i64, shift_us: i64) -> Self {
        Self { connection, series, class, device_us, shift_us, mask: 0, values: [0; WIDTH] }
    }

    /// When, in event time, microseconds.
    pub(super) const fn time_us(&self) -> i64 {
        self.device_us.saturating_add(self.shift_us)
    }

    /// The value at a place.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<i64> {
        if place >= WIDTH || self.mask >> place & 1 == 0 {
            return None;
        }
        self.values.get(place).copied()
    }

    /// Sets the value at a place.
    #[inline]
    pub(super) fn set(&mut self, place: usize, value: i64) {
        if let Some(slot) = self.values.get_mut(place) {
            *slot = value;
            self.mask |= 1 << place;
        }
    }

    /// By series; in a series by time.
    fn order(&self) -> impl Ord + '_ {
        (self.connection, self.series, self.time_us(), self.device_us, self.mask, &self.values)
    }

    fn write(&self, out: &mut Writer, index: usize, base: Option<&Self>, start_us: i64) {
        out.unsigned(index as u64);
        let (device_us, shift_us, mask) = match base {
            Some(base) => (base.device_us, base.shift_us, base.mask),
            None => {
                out.byte(self.class as u8);
                (start_us, 0, 0)
            }
        };
        out.integer(self.device_us.wrapping_sub(device_us));
        out.integer(self.shift_us.wrapping_sub(shift_us));
        out.unsigned(self.mask ^ mask);
        for place in places(self.mask) {
            let value = self.values.get(place).copied().unwrap_or(0);
            let known = base.and_then(|base| base.get(place)).unwrap_or(0);
            out.integer(value.wrapping_sub(known));
        }
    }

    /// Reads what follows on the index of its series; `self` knows the series.
    fn read(&mut self, input: &mut Reader<'_>, base: Option<&Self>, start_us: i64) -> Result<(), Short> {
        let (device_us, shift_us, mask) = match base {
            Some(base) => (base.device_us, base.shift_us, base.mask),
            None => {
                self.class = Class::numbered(input.byte()?).unwrap_or(Class::Report);
                (start_us, 0, 0)
            }
        };
        self.device_us = input.integer()?.wrapping_add(device_us);
        self.shift_us = input.integer()?.wrapping_add(shift_us);
        self.mask = input.unsigned()? ^ mask;
        for place in places(self.mask) {
            let known = base.and_then(|base| base.get(place)).unwrap_or(0);
            let value = input.integer()?.wrapping_add(known);
            if let Some(slot) = self.values.get_mut(place) {
                *slot = value;
            }
        }
        Ok(())
    }
}

/// The places of a mask, ascending.
pub(super) fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if mask == 0 {
            return None;
        }
        let place = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        Some(place)
    })
}

/// A series of which samples have come.
#[derive(Clone, Copy, Debug)]
struct Series {
    hash: u64,
    /// Where its first sample begins.
    at: u32,
    /// The index of its connection.
    connection: u16,
    samples: u16,
}

/// The samples of one session in one window.
#[derive(Debug, Default)]
pub(super) struct Samples {
    packed: Writer,
    connections: Vec<u64>,
    series: Vec<Series>,
}

impl Samples {
    /// Adds a sample. `start_us` is the start of the window, and `cap` how many samples of a series count. `hint` is the place of the series
    /// if all is as it was, and becomes that of the next.
    pub(super) fn push(&mut self, sample: &Sample, start_us: i64, cap: usize, hint: &mut usize) {
        let index = match self.find(sample.series, *hint) {
            Some(index) => index,
            None => return self.push_first(sample, start_us, cap),
        };
        *hint = index + 1;
        let Some(base) = self.base(index, start_us) else { return };
        sample.write(&mut self.packed, index, Some(&base), start_us);
        let Some(series) = self.series.get_mut(index) else { return };
        series.samples = series.samples.saturating_add(1);
        if usize::from(series.samples) >= cap.saturating_mul(2) {
            self.trim(start_us, cap);
        }
    }

    /// How many bytes they take, with the memory that is reserved for them.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.packed.capacity()
            + self.connections.capacity() * size_of::<u64>()
            + self.series.capacity() * size_of::<Series>()
    }

    fn find(&self, hash: u64, hint: usize) -> Option<usize> {
        if self.series.get(hint).is_some_and(|series| series.hash == hash) {
            return Some(hint);
        }
        self.series.iter().position(|series| series.hash == hash)
    }

    fn base(&self, index: usize, start_us: i64) -> Option<Sample> {
        let series = self.series.get(index)?;
        let connection = self.connections.get(usize::from(series.connection))?;
        let mut base = Sample::new(*connection, series.hash, Class::Report, 0, 0);
        let mut input = Reader::new(self.packed.as_bytes().get(series.at as usize..)?);
        input.unsigned().ok()?;
        base.read(&mut input, None, start_us).ok()?;
        Some(base)
    }

    #[cold]
    fn push_first(&mut self, sample: &Sample, start_us: i64, cap: usize) {
        let place = self.connections.iter().position(|connection| *connection == sample.connection);
        let connection = place.unwrap_or_else(|| {
            self.connections.push(sample.connection);
            self.connections.len() - 1
        });
        let Ok(at) = u32::try_from(self.packed.as_bytes().len()) else { return };
        let connection = u16::try_from(connection).unwrap_or(u16::MAX);
        sample.write(&mut self.packed, self.series.len(), None, start_us);
        self.series.push(Series { hash: sample.series, at, connection, samples: 1 });
        if self.series.len() >= 2 * SERIES_MAX || self.connections.len() >= 2 * CONNECTIONS_MAX {
            self.trim(start_us, cap);
        }
    }

    /// Leaves what the caps allow.
    #[cold]
    fn trim(&mut self, start_us: i64, cap: usize) {
        let mut kept = Vec::new();
        self.sorted(start_us, cap, &mut kept);
        *self = Self::default();
        let mut hint = 0;
        kept.iter().for_each(|sample| self.push(sample, start_us, usize::MAX, &mut hint));
    }

    /// What the caps allow (R2), by connection, series and time.
    pub(super) fn sorted(&self, start_us: i64, cap: usize, out: &mut Vec<Sample>) {
        out.clear();
        let mut bases: Vec<Option<u32>> = vec![None; self.series.len()];
        let mut input = Reader::new(self.packed.as_bytes());
        while let Ok(index) = input.unsigned() {
            let index = index as usize;
            let Some(series) = self.series.get(index) else { break };
            let connection = self.connections.get(usize::from(series.connection)).copied().unwrap_or(0);
            let base = bases.get(index).copied().flatten();
            let base = base.and_then(|place| out.get(place as usize));
            let class = base.map_or(Class::Report, |base| base.class);
            let mut sample = Sample::new(connection, series.hash, class, 0, 0);
            if sample.read(&mut input, base, start_us).is_err() {
                break;
            }
            if let Some(known) = bases.get_mut(index) {
                known.get_or_insert(out.len() as u32);
            }
            out.push(sample);
        }
        out.sort_unstable_by(|left, right| left.order().cmp(&right.order()));
        let mut caps = Caps { per_series: cap, connections: 0, series: 0, samples: 0, last: None };
        out.retain(|sample| caps.keep(sample));
    }
}

/// Tells, of samples in order, which are kept.
struct Caps {
    per_series: usize,
    connections: usize,
    series: usize,
    samples: usize,
    last: Option<(u64, u64)>,
}

impl Caps {
    fn keep(&mut self, sample: &Sample) -> bool {
        let is = (sample.connection, sample.series);
        if self.last != Some(is) {
            self.connections += usize::from(self.last.is_none_or(|last| last.0 != is.0));
            self.series += 1;
            self.samples = 0;
            self.last = Some(is);
        }
        self.samples += 1;
        self.connections <= CONNECTIONS_MAX && self.series <= SERIES_MAX && self.samples <= self.per_series
    }
}
