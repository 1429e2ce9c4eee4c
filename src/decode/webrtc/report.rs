//! From a record to reports: the envelope around `getStats()`, an event, a sample of ObserveRTC's schema 3, or bare statistics.
//!
//! Members may stand in any order, so what a record is shows when all of it has been read.

use std::borrow::Cow;

use crate::decode::common::{Container, Raw, unescaped};
use crate::model::Reason;
use crate::model::webrtc::{Clock, Content, Report};

use super::identity::Identity;
use super::limits::Limits;
use super::moment::Moment;
use super::pool::Pool;
use super::sample::{self, Happening};
use super::stats::{Reading, Stats, clock_of};
use super::tally::Tally;
use super::text::kept;

/// The only version of the envelope so far.
const VERSION: i64 = 1;

/// What a record says outside of its statistics.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    version: Option<i64>,
    kind: Option<Raw<'a>>,
    app: Option<Raw<'a>>,
    call: Option<Raw<'a>>,
    participant: Option<Raw<'a>>,
    connection: Option<Raw<'a>>,
    edge: Option<Raw<'a>>,
    region: Option<Raw<'a>>,
    sequence: Option<i64>,
    interval_ms: Option<i64>,
    time: Option<Moment>,
    event: Option<Raw<'a>>,
    value: Option<Raw<'a>>,
    /// Whether the clock is declared not to count from the epoch.
    monotonic: bool,
    /// Whether it has what only a sample of ObserveRTC's schema has.
    is_sample: bool,
    /// Whether there was an object under a name that means nothing here: the record may be a bare map of statistics.
    has_others: bool,
}

/// Everything that a record holds.
#[derive(Debug, Default)]
struct Parts<'a> {
    head: Head<'a>,
    stats: Option<Stats<'a>>,
    connections: Vec<sample::Connection<'a>>,
    happenings: Vec<Happening<'a>>,
}

/// The reports of a record, and what was odd about it.
pub(super) fn read<'a>(
    text: &'a str,
    key: Option<&[u8]>,
    limits: &Limits,
    pool: &mut Pool,
) -> Result<(Vec<Report<'a>>, Tally), Reason> {
    let mut reading = Reading::new(text, limits, false, pool);
    let mut parts = Parts::read(&mut reading)?;
    if parts.head.monotonic {
        // Times below 1e11 were taken for what they look like; now that their clock is known, they are read once more.
        reading = Reading::new(text, limits, true, pool);
        parts = Parts::read(&mut reading)?;
    }
    if parts.is_bare_map() {
        reading = Reading::new(text, limits, false, pool);
        parts = Parts { stats: reading.stats()?, ..Parts::default() };
    }
    let reports = parts.into_reports(key, &mut reading)?;
    Ok((reports, reading.tally))
}

impl<'a> Parts<'a> {
    fn read(reading: &mut Reading<'_, 'a>) -> Result<Self, Reason> {
        let mut parts = Self::default();
        match reading.cursor.next_byte() {
            Some(b'[') => parts.stats = reading.stats()?,
            _ => match reading.cursor.open()? {
                Some(Container::Object) => parts.read_members(reading)?,
                _ => {
                    reading.cursor.token()?;
                    reading.cursor.end()?;
                    return Err(Reason::Malformed);
                }
            },
        }
        reading.cursor.end()?;
        Ok(parts)
    }

    fn read_members(&mut self, reading: &mut Reading<'_, 'a>) -> Result<(), Reason> {
        let mut first = true;
        while let Some(name) = reading.cursor.name(first)? {
            first = false;
            match &*unescaped(name) {
                "stats" => self.stats = reading.stats()?,
                "peerConnections" => {
                    self.head.is_sample = true;
                    self.connections = sample::connections(reading)?;
                }
                "clientEvents" => {
                    self.head.is_sample = true;
                    self.happenings = sample::happenings(reading)?;
                }
                name => self.head.member(name, reading)?,
            }
        }
        Ok(())
    }

    /// Whether the record has nothing of an envelope, and objects under names of their own.
    fn is_bare_map(&self) -> bool {
        let head = &self.head;
        let is_empty = self.stats.is_none() && head.kind.is_none() && head.event.is_none() && !head.is_sample;
        is_empty && head.has_others
    }

    fn into_reports(self, key: Option<&[u8]>, reading: &mut Reading<'_, 'a>) -> Result<Vec<Report<'a>>, Reason> {
        let Self { head, stats, connections, happenings } = self;
        let kind = head.kind.map(unescaped);
        let kind = kind.as_deref();
        if kind.is_some_and(|kind| !matches!(kind, "getstats" | "event")) {
            return Err(Reason::Malformed);
        }
        if head.version.is_some_and(|version| version != VERSION) {
            return Err(Reason::Version);
        }
        let blank = head.blank_report(key, reading)?;
        if kind == Some("event") || (kind.is_none() && stats.is_none() && head.event.is_some()) {
            let name = kept(head.event.ok_or(Reason::Malformed)?, &mut reading.tally);
            let value = head.value.map_or(Cow::Borrowed(""), |value| kept(value, &mut reading.tally));
            let members_rejected = reading.scratch.rejected;
            return Ok(vec![Report { content: Content::Event { name, value }, members_rejected, ..blank }]);
        }
        if let Some(stats) = stats {
            let is_bare = kind.is_none() && head.call.is_none() && head.time.is_none();
            if is_bare && stats.objects.is_empty() {
                return Err(Reason::Malformed);
            }
            let rejected = reading.scratch.rejected;
            return Ok(vec![head.stats_report(blank, stats, rejected, reading)]);
        }
        if !head.is_sample {
            return Err(Reason::Malformed);
        }
        let mut reports: Vec<_> = happenings.into_iter().map(|happening| happening.into_report(&blank)).collect();
        for connection in connections {
            let name = connection.id.map_or(Cow::Borrowed(""), |id| kept(id, &mut reading.tally));
            let blank = Report { connection: name, ..blank.clone() };
            reading.scratch.clocks = connection.clocks;
            reports.push(head.stats_report(blank, connection.stats, connection.rejected, reading));
        }
        Ok(reports)
    }
}

impl<'a> Head<'a> {
    fn member(&mut self, name: &str, reading: &mut Reading<'_, 'a>) -> Result<(), Reason> {
        match name {
            "v" => self.version = reading.whole()?,
            "kind" => self.kind = reading.text()?,
            "app" => self.app = reading.text()?,
            "call" => self.call = reading.text()?,
            "participant" => self.participant = reading.text()?,
            "pc" => self.connection = reading.text()?,
            "edge" => self.edge = reading.text()?,
            "region" => self.region = reading.text()?,
            "seq" => self.sequence = reading.whole()?,
            "interval_ms" => self.interval_ms = reading.whole()?,
            "ts" | "timestamp" => self.time = reading.moment()?,
            "clock" => self.monotonic = reading.text()?.is_some_and(|clock| unescaped(clock) == "monotonic"),
            "event" => self.event = reading.text()?,
            "value" => self.value = reading.text()?,
            "callId" => {
                self.is_sample = true;
                self.call = reading.text()?;
            }
            "clientId" => {
                self.is_sample = true;
                self.participant = reading.text()?;
            }
            _ => {
                self.has_others |= reading.cursor.next_byte() == Some(b'{');
                reading.cursor.skip()?;
            }
        }
        Ok(())
    }

    /// What every report of the record has in common. What the record does not say of its origin, its key may.
    fn blank_report(&self, key: Option<&[u8]>, reading: &mut Reading<'_, 'a>) -> Result<Report<'a>, Reason> {
        let tally = &mut reading.tally;
        let mut part = |raw: Option<Raw<'a>>| raw.map(|raw| kept(raw, tally)).filter(|text| !text.is_empty());
        let (mut app, mut call, mut participant) = (part(self.app), part(self.call), part(self.participant));
        let (connection, edge, region) = (part(self.connection), part(self.edge), part(self.region));
        if call.is_none() || participant.is_none() {
            let identity = Identity::of_key(key, &mut reading.tally).ok_or(Reason::Malformed)?;
            app = app.or(Some(Cow::Owned(identity.app)));
            call = call.or(Some(Cow::Owned(identity.call)));
            participant = participant.or(Some(Cow::Owned(identity.participant)));
        }
        let clock = if self.monotonic { Clock::Monotonic } else { clock_of(self.time) };
        Ok(Report {
            app: app.unwrap_or_default(),
            call: call.unwrap_or_default(),
            participant: participant.unwrap_or_default(),
            connection: connection.unwrap_or_default(),
            edge,
            region,
            sequence: self.sequence,
            time_us: micros(self.time, clock),
            clock,
            interval_ms: self.interval_ms,
            content: Content::Stats(Vec::new()),
            members_rejected: 0,
            objects_unknown: 0,
        })
    }

    fn stats_report(
        &self,
        blank: Report<'a>,
        mut stats: Stats<'a>,
        rejected: u32,
        reading: &mut Reading<'_, 'a>,
    ) -> Report<'a> {
        reading.scratch.rejected = rejected;
        let clock = reading.finish(&mut stats, self.time);
        Report {
            clock,
            time_us: micros(self.time, clock),
            members_rejected: reading.scratch.rejected,
            objects_unknown: stats.unknown,
            content: Content::Stats(stats.objects),
            ..blank
        }
    }
}

/// A reading of this clock; `None` when it is one of another.
pub(super) const fn micros(reading: Option<Moment>, clock: Clock) -> Option<i64> {
    match (reading, clock) {
        (Some(Moment::Epoch(micros)), Clock::Epoch) | (Some(Moment::Own(micros)), Clock::Monotonic) => Some(micros),
        _ => None,
    }
}
