//! A life written down, in as few bytes as it takes: parts that a session does not have are not there, and neither are totals of 0.

use super::ending::Rhythm;
use super::places::Places;
use super::running::Running;
use super::sequence::Sequence;
use super::timeline::Timeline;
use super::{Life, content_hash};
use crate::aggregate::cmcd::counters::{EXTREMES, LIFE_SUMS, SUMS, Sum, Totals};
use crate::aggregate::packed::{self, Hashes};
use crate::model::bytes::{Reader, Short, Writer};

/// Bytes that are no carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damaged {
    /// They end too early, or have something else where text belongs.
    #[error(transparent)]
    Short(#[from] Short),
    /// Something follows.
    #[error("something follows on the carry")]
    Long,
}

/// What follows on the fixed part, and what needs no more than to be said.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
enum Part {
    StartupIsDone,
    WasUrgent,
    FirstRequest,
    StarvedUntil,
    /// The content of the last fact is the latest one.
    ToldContentIsLatest,
    ToldContent,
    /// The latest content is the only one.
    SoleContent,
    IsNumbered,
    WasUnderWay,
    Sequence,
    Errors,
    RequestNumber,
    StarvationSum,
    Starvations,
    StarvedMs,
    DroppedFrames,
}

/// Which parts there are, a bit for each.
#[derive(Clone, Copy, Debug)]
struct Parts(u64);

impl Parts {
    fn of(parts: impl IntoIterator<Item = (Part, bool)>) -> Self {
        let there = parts.into_iter().filter(|(_, is_there)| *is_there);
        Self(there.fold(0, |bits, (part, _)| bits | 1 << part as u32))
    }

    fn has(self, part: Part) -> bool {
        packed::has(self.0, part as u32)
    }
}

const LIFE_FROM: usize = SUMS + EXTREMES;
const VALUES: usize = LIFE_FROM + LIFE_SUMS;
// Which of them are not 0 is told in one number.
const _: () = assert!(VALUES <= 64);

impl<'a> Life<'a> {
    /// Writes it down, as at the end of the window that ends at `end_ms`.
    pub(crate) fn write(&self, out: &mut Writer, end_ms: i64) {
        let base_ms = self.timeline.started_ms;
        self.timeline.write(out);
        self.rhythm.write(out, base_ms);
        out.text(self.content);
        write_totals(out, &self.totals);
        self.places.write(out);
        // Nothing after this window can lie before its end.
        let starved_until_ms = self.starved_until_ms.filter(|until_ms| *until_ms >= end_ms);
        let own_content = Some(content_hash(self.content)).filter(|_| !self.content.is_empty());
        let is_running = |one: &Running| *one != Running::default();
        let parts = Parts::of([
            (Part::StartupIsDone, self.startup.is_done),
            (Part::WasUrgent, self.startup.was_urgent),
            (Part::FirstRequest, self.startup.first_request_ms.is_some()),
            (Part::StarvedUntil, starved_until_ms.is_some()),
            (Part::ToldContentIsLatest, self.told_content == own_content),
            (Part::ToldContent, self.told_content.is_some()),
            (Part::SoleContent, self.contents.len() == 1 && own_content.is_some()),
            (Part::IsNumbered, self.is_numbered),
            (Part::WasUnderWay, self.was_under_way),
            (Part::Sequence, self.sequence.is_some()),
            (Part::Errors, !self.errors.is_empty()),
            (Part::RequestNumber, self.request_number.is_some()),
            (Part::StarvationSum, self.starvation_sum_ms > 0),
            (Part::Starvations, is_running(&self.starvations)),
            (Part::StarvedMs, is_running(&self.starved_ms)),
            (Part::DroppedFrames, is_running(&self.dropped_frames)),
        ]);
        out.unsigned(parts.0);
        for moment in [self.startup.first_request_ms, starved_until_ms].into_iter().flatten() {
            packed::write(out, moment - base_ms);
        }
        if let Some(content) = self.told_content.filter(|_| self.told_content != own_content) {
            out.unsigned(u64::from(content));
        }
        if !parts.has(Part::SoleContent) {
            self.contents.write(out);
        }
        if let Some(sequence) = &self.sequence {
            sequence.write(out);
        }
        if parts.has(Part::Errors) {
            self.errors.write(out);
        }
        if let Some(number) = self.request_number {
            packed::write(out, number);
        }
        if parts.has(Part::StarvationSum) {
            packed::write(out, self.starvation_sum_ms);
        }
        let running = [&self.starvations, &self.starved_ms, &self.dropped_frames];
        running.into_iter().filter(|one| is_running(one)).for_each(|one| one.write(out));
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let input = &mut reader;
        let mut life = Self::at(Timeline::read(input)?);
        let base_ms = life.timeline.started_ms;
        life.rhythm = Rhythm::read(input, base_ms)?;
        life.content = input.text()?;
        life.totals = read_totals(input)?;
        life.places = Places::read(input)?;
        let parts = Parts(input.unsigned()?);
        let has = |part| parts.has(part);
        life.startup.is_done = has(Part::StartupIsDone);
        life.startup.was_urgent = has(Part::WasUrgent);
        if has(Part::FirstRequest) {
            life.startup.first_request_ms = Some(base_ms.saturating_add(packed::read(input)?));
        }
        if has(Part::StarvedUntil) {
            life.starved_until_ms = Some(base_ms.saturating_add(packed::read(input)?));
        }
        let own_content = Some(content_hash(life.content)).filter(|_| !life.content.is_empty());
        life.told_content = match (has(Part::ToldContentIsLatest), has(Part::ToldContent)) {
            (true, _) => own_content,
            (false, true) => Some(u32::try_from(input.unsigned()?).unwrap_or(u32::MAX)),
            (false, false) => None,
        };
        match own_content {
            Some(own) if has(Part::SoleContent) => _ = life.contents.enter(own),
            _ => life.contents = Hashes::read(input)?,
        }
        (life.is_numbered, life.was_under_way) = (has(Part::IsNumbered), has(Part::WasUnderWay));
        if has(Part::Sequence) {
            life.sequence = Some(Sequence::read(input)?);
        }
        if has(Part::Errors) {
            life.errors = Hashes::read(input)?;
        }
        if has(Part::RequestNumber) {
            life.request_number = Some(packed::read(input)?);
        }
        if has(Part::StarvationSum) {
            life.starvation_sum_ms = packed::read(input)?;
        }
        let running = [
            (Part::Starvations, &mut life.starvations),
            (Part::StarvedMs, &mut life.starved_ms),
            (Part::DroppedFrames, &mut life.dropped_frames),
        ];
        for (part, one) in running {
            if has(part) {
                *one = Running::read(input)?;
            }
        }
        if input.byte().is_ok() { Err(Damaged::Long) } else { Ok(life) }
    }
}

fn write_totals(out: &mut Writer, totals: &Totals) {
    let sums = Sum::WRITTEN.iter().map(|sum| totals.get(*sum));
    let values = || sums.clone().chain(totals.extremes).chain(totals.life);
    let mut present = 0_u64;
    for (index, value) in values().enumerate() {
        present |= u64::from(value != 0) << index;
    }
    out.unsigned(present);
    for value in values().filter(|value| *value != 0) {
        packed::write(out, value);
    }
}

fn read_totals(input: &mut Reader<'_>) -> Result<Totals, Short> {
    let mut totals = Totals::default();
    let mut present = input.unsigned()?;
    while present != 0 {
        let index = present.trailing_zeros() as usize;
        present &= present - 1;
        let value = packed::read(input)?;
        if let Some(sum) = Sum::WRITTEN.get(index) {
            totals.set(*sum, value);
            continue;
        }
        let slot = match index {
            ..LIFE_FROM => totals.extremes.get_mut(index - SUMS),
            _ => totals.life.get_mut(index - LIFE_FROM),
        };
        if let Some(slot) = slot {
            *slot = value;
        }
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::cmcd::counters::Counters;
    use crate::aggregate::cmcd::life::{Fact, Ledger, Maybe, PlaceKey, Seen, Signs};
    use crate::model::cmcd::{EventKind, PlayerState};

    const START_MS: i64 = 1_767_600_000_000;

    static SIGNS: Signs = Signs {
        first_ms: 17,
        last_ms: 9_800,
        last_key: 0,
        buffered_ms: 32_000,
        first_request_ms: 17,
        first_urgent_ms: 17,
        first_calm_ms: 5_000,
    };

    /// A session of half an hour, with sums as they come.
    fn lived(facts: &[Fact]) -> Life<'_> {
        let (starved, content) = (&[][..], Some("film-0021"));
        let seen = Seen { start_ms: START_MS, signs: &SIGNS, facts, is_cut: false, starved, content };
        let mut life = Life::begin(&seen);
        life.live(&seen, &mut Ledger::default());
        life.places().add(PlaceKey { edge: "FRA56-P2", kind: 5 }, 410);
        life.places().settle(PlaceKey { edge: "FRA56-P2", kind: 5 });
        let mut counters = Counters::default();
        for sum in [Sum::Requests, Sum::MediaRequests, Sum::CacheHits, Sum::CacheKnown, Sum::TtfbCount] {
            counters.add(sum, 410);
        }
        for sum in [Sum::TimeTakenCount, Sum::VideoBitrateCount, Sum::AudioBitrateCount, Sum::ThroughputCount] {
            counters.add(sum, 205);
        }
        for sum in [Sum::TtfbMs, Sum::TimeTakenMs, Sum::VideoWeightMs, Sum::AudioWeightMs, Sum::TopBitrateMs] {
            counters.add(sum, 810_000);
        }
        for sum in [Sum::VideoMs, Sum::AudioMs, Sum::BufferMs, Sum::Throughput, Sum::VideoBitrate, Sum::AudioBitrate] {
            counters.add(sum, 2_500_000);
        }
        for sum in [Sum::Bytes, Sum::VideoWeighted, Sum::AudioWeighted] {
            counters.add(sum, 900_000_000);
        }
        for sum in [Sum::BufferCount, Sum::StartupRequests, Sum::DeadlineKnown, Sum::DeadlineLate] {
            counters.add(sum, 100);
        }
        let mut totals = Totals::default();
        totals.absorb(&counters);
        life.add(&totals);
        life
    }

    fn facts() -> Vec<Fact> {
        let none = Maybe::NONE;
        let fact = |after_start_ms, number, kind, state| Fact {
            after_start_ms,
            is_event: true,
            number: Maybe::new(Some(number)),
            kind: Some(kind),
            state: Some(state),
            is_hidden: Some(false),
            starvations: Maybe::new(Some(2)),
            starved_ms: Maybe::new(Some(1_500)),
            starvation_ms: none,
            dropped_frames: Maybe::new(Some(120)),
            start_delay_ms: none,
            error: Maybe::new(Some(77)),
            content: Maybe::new(Some(i64::from(content_hash("film-0021")))),
            key_hash: 0,
            key: 0,
        };
        vec![
            fact(17, 0, EventKind::PlayState, PlayerState::Starting),
            fact(900, 1, EventKind::PlayState, PlayerState::Playing),
            fact(9_800, 4, EventKind::TimeInterval, PlayerState::Playing),
        ]
    }

    fn written(life: &Life<'_>) -> Vec<u8> {
        let mut out = Writer::default();
        life.write(&mut out, START_MS + 10_000);
        out.into_bytes()
    }

    #[test]
    fn a_life_is_read_back_and_is_small() {
        for (facts, most_bytes) in [(vec![], 130), (facts(), 160)] {
            let life = lived(&facts);
            let bytes = written(&life);
            assert_eq!(Life::read(&bytes).as_ref(), Ok(&life));
            assert!(bytes.len() <= most_bytes, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_damaged() {
        let mut bytes = written(&lived(&facts()));
        for length in 0..bytes.len() {
            assert!(Life::read(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert_eq!(Life::read(&bytes), Err(Damaged::Long));
    }

    proptest! {
        /// Whatever is read, it lives on and ends without a panic.
        #[test]
        fn damage_does_no_harm(places in proptest::collection::vec((0_usize..200, any::<u8>()), 1..4)) {
            let facts = facts();
            let mut bytes = written(&lived(&facts));
            for (place, byte) in places {
                let length = bytes.len();
                bytes[place % length] = byte;
            }
            if let Ok(mut life) = Life::read(&bytes) {
                let (signs, starved) = (Signs { first_ms: 0, last_ms: 9_999, ..Signs::default() }, &[][..]);
                let start_ms = START_MS + 10_000;
                let seen = Seen { start_ms, signs: &signs, facts: &facts, is_cut: false, starved, content: None };
                life.live(&seen, &mut Ledger::default());
                let _ = (written(&life), life.time_out_ms());
                let _ = life.finish();
            }
        }
    }
}
