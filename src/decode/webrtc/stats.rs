//! The statistics objects of one peer connection: a list, or a map by id, or lists by type.

use std::borrow::Cow;

use crate::decode::common::{Container, Cursor, Raw, Token};
use crate::model::Reason;
use crate::model::webrtc::{Clock, Object, ObjectType, Text, Warning};

use super::infer;
use super::limits::Limits;
use super::moment::Moment;
use super::object::{Read, Scratch, Sort};
use super::pool::Pool;
use super::tally::Tally;
use super::text::kept;

/// A time of a client's own clock is less, one since the Unix epoch is not.
const EPOCH_SURELY_US: i64 = 1_000_000_000_000_000;

/// What is at hand while a record is read.
#[derive(Debug)]
pub(super) struct Reading<'d, 'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) scratch: Scratch<'a>,
    pub(super) pool: &'d mut Pool,
    pub(super) tally: Tally,
    objects_left: usize,
}

/// What was read of one peer connection.
#[derive(Debug)]
pub(super) struct Stats<'a> {
    pub(super) objects: Vec<Object<'a>>,
    pub(super) unknown: u32,
    /// `track` objects of earlier drafts.
    tracks: Vec<Object<'a>>,
    /// The places of inbound streams that name their track, and its id.
    of_tracks: Vec<(usize, Cow<'a, str>)>,
    /// The places of candidates whose side is not told.
    candidates: Vec<usize>,
    /// Whether a stream does not say whether it is audio or video.
    lacks_kind: bool,
}

impl<'d, 'a> Reading<'d, 'a> {
    /// At the start of `text`. `monotonic` = the reporter's clock is declared not to count from the epoch.
    pub(super) fn new(text: &'a str, limits: &Limits, monotonic: bool, pool: &'d mut Pool) -> Self {
        Self {
            cursor: Cursor::new(text, limits.depth),
            scratch: Scratch::new(monotonic),
            pool,
            tally: Tally::default(),
            objects_left: limits.objects,
        }
    }

    /// Nothing of a peer connection yet.
    pub(super) fn no_stats(&mut self) -> Stats<'a> {
        self.scratch.clocks = (false, false);
        Stats {
            objects: self.pool.list(),
            unknown: 0,
            tracks: Vec::new(),
            of_tracks: Vec::new(),
            candidates: Vec::new(),
            lacks_kind: false,
        }
    }

    /// The objects in the list or map here; `None` = it is neither.
    pub(super) fn stats(&mut self) -> Result<Option<Stats<'a>>, Reason> {
        let Some(container) = self.cursor.open()? else {
            self.cursor.skip()?;
            return Ok(None);
        };
        let mut stats = self.no_stats();
        match container {
            Container::Array => self.rest_of_list(None, &mut stats)?,
            Container::Object => {
                let mut first = true;
                while let Some(id) = self.cursor.name(first)? {
                    first = false;
                    self.object(Some(id), None, &mut stats)?;
                }
            }
        }
        Ok(Some(stats))
    }

    /// The objects in the list here, all of one sort.
    pub(super) fn list(&mut self, sort: Sort, stats: &mut Stats<'a>) -> Result<(), Reason> {
        if self.cursor.next_byte() != Some(b'[') {
            return self.cursor.skip();
        }
        self.cursor.open()?;
        self.rest_of_list(Some(sort), stats)
    }

    fn rest_of_list(&mut self, sort: Option<Sort>, stats: &mut Stats<'a>) -> Result<(), Reason> {
        let mut first = true;
        while self.cursor.item(first)? {
            first = false;
            self.object(None, sort, stats)?;
        }
        Ok(())
    }

    /// Counts one object, or what takes as much.
    pub(super) fn count_object(&mut self) -> Result<(), Reason> {
        self.objects_left = self.objects_left.checked_sub(1).ok_or(Reason::TooManyObjects)?;
        Ok(())
    }

    fn object(&mut self, id: Option<Raw<'a>>, sort: Option<Sort>, stats: &mut Stats<'a>) -> Result<(), Reason> {
        self.count_object()?;
        if !self.cursor.open_object()? {
            self.unknown(stats);
            return self.cursor.skip();
        }
        let mut object = self.pool.object();
        match self.scratch.read(&mut self.cursor, id, sort, &mut object, &mut self.tally)? {
            Read::Object(sort, track) => self.keep(object, sort, track, stats),
            Read::Unwanted => self.pool.give_back(object),
            Read::Unknown => {
                self.pool.give_back(object);
                self.unknown(stats);
            }
        }
        Ok(())
    }

    fn unknown(&mut self, stats: &mut Stats<'a>) {
        self.tally.warn(Warning::UnknownObject);
        stats.unknown += 1;
    }

    fn keep(&mut self, object: Object<'a>, sort: Sort, track: Option<Raw<'a>>, stats: &mut Stats<'a>) {
        match sort {
            Sort::Track => {
                self.tally.warn(Warning::LegacyName);
                return stats.tracks.push(object);
            }
            Sort::Candidate => stats.candidates.push(stats.objects.len()),
            Sort::LegacyStream => self.tally.warn(Warning::LegacyName),
            Sort::Of(ObjectType::InboundRtp) => {
                if let Some(track) = track {
                    stats.of_tracks.push((stats.objects.len(), kept(track, &mut self.tally)));
                }
            }
            Sort::Of(_) | Sort::Unwanted => {}
        }
        stats.lacks_kind |=
            infer::is_stream(&object) && object.texts.first().is_none_or(|(text, _)| *text != Text::Kind);
        stats.objects.push(object);
    }

    /// Fills in what the objects leave open to each other, and tells what their times count from. `reported` is when the report was made.
    pub(super) fn finish(&mut self, stats: &mut Stats<'a>, reported: Option<Moment>) -> Clock {
        if !stats.tracks.is_empty() {
            infer::tracks(&mut stats.objects, &stats.tracks, &stats.of_tracks);
        }
        if !stats.candidates.is_empty() {
            infer::sides(&mut stats.objects, &stats.candidates);
        }
        if stats.lacks_kind {
            infer::kinds(&mut stats.objects, &mut self.tally);
        }
        match self.scratch.clocks {
            _ if self.scratch.monotonic => Clock::Monotonic,
            (true, true) => {
                self.drop_own_times(stats);
                Clock::Epoch
            }
            (true, false) => Clock::Epoch,
            (false, true) => Clock::Monotonic,
            (false, false) => clock_of(reported),
        }
    }

    #[cold]
    fn drop_own_times(&mut self, stats: &mut Stats<'a>) {
        self.tally.warn(Warning::MixedClocks);
        for object in &mut stats.objects {
            if object.time_us.is_some_and(|micros| micros < EPOCH_SURELY_US) {
                object.time_us = None;
                self.scratch.rejected += 1;
            }
        }
    }

    /// A whole number that is not negative: a sequence, an interval.
    pub(super) fn whole(&mut self) -> Result<Option<i64>, Reason> {
        let token = self.cursor.token()?;
        Ok(self.scratch.whole(token, &mut self.tally))
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self) -> Result<Option<Raw<'a>>, Reason> {
        let token = self.cursor.token()?;
        Ok(self.scratch.raw(token, &mut self.tally))
    }

    /// A moment.
    pub(super) fn moment(&mut self) -> Result<Option<Moment>, Reason> {
        let token: Token<'a> = self.cursor.token()?;
        Ok(super::value::moment(token, self.scratch.monotonic, &mut self.scratch.rejected, &mut self.tally))
    }
}

/// What a clock with this reading counts from.
pub(super) fn clock_of(reading: Option<Moment>) -> Clock {
    match reading {
        Some(Moment::Own(_)) => Clock::Monotonic,
        Some(Moment::Epoch(_)) | None => Clock::Epoch,
    }
}
