//! A life written down, in as few bytes as it takes: parts that a session does not have are not there, and neither are totals of 0.

use super::ending::Rhythm;
use super::packed::{self, Hashes};
use super::places::Places;
use super::running::Running;
use super::sequence::Sequence;
use super::timeline::Timeline;
use super::{ApproximateStartup, Life, content_hash};
use crate::aggregate::cmcd::counters::{EXTREMES, LIFE_SUMS, SUMS, Totals};
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

const VALUES: usize = SUMS + EXTREMES + LIFE_SUMS;
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
        let has_running =
            [&self.starvations, &self.starved_ms, &self.dropped_frames].map(|one| *one != Running::default());
        let parts = [
            self.startup.is_done,
            self.startup.was_urgent,
            self.startup.first_request_ms.is_some(),
            starved_until_ms.is_some(),
            self.told_content == own_content,
            self.told_content.is_some(),
            self.contents.len() == 1 && own_content.is_some(),
            self.is_numbered,
            self.was_under_way,
            self.sequence.is_some(),
            !self.errors.is_empty(),
            self.request_number.is_some(),
            self.starvation_sum_ms > 0,
            has_running[0],
            has_running[1],
            has_running[2],
        ];
        out.unsigned(packed::flags(parts));
        for moment in [self.startup.first_request_ms, starved_until_ms].into_iter().flatten() {
            packed::write(out, moment - base_ms);
        }
        if let Some(content) = self.told_content.filter(|_| self.told_content != own_content) {
            out.unsigned(u64::from(content));
        }
        if !parts[6] {
            self.contents.write(out);
        }
        if let Some(sequence) = &self.sequence {
            sequence.write(out);
        }
        if !self.errors.is_empty() {
            self.errors.write(out);
        }
        if let Some(number) = self.request_number {
            packed::write(out, number);
        }
        if self.starvation_sum_ms > 0 {
            packed::write(out, self.starvation_sum_ms);
        }
        let running = [&self.starvations, &self.starved_ms, &self.dropped_frames].into_iter().zip(has_running);
        running.filter(|(_, is_there)| *is_there).for_each(|(one, _)| one.write(out));
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
        let parts = input.unsigned()?;
        let has = |part| packed::has(parts, part);
        life.startup = ApproximateStartup { is_done: has(0), was_urgent: has(1), first_request_ms: None };
        if has(2) {
            life.startup.first_request_ms = Some(base_ms.saturating_add(packed::read(input)?));
        }
        if has(3) {
            life.starved_until_ms = Some(base_ms.saturating_add(packed::read(input)?));
        }
        let own_content = Some(content_hash(life.content)).filter(|_| !life.content.is_empty());
        life.told_content = match (has(4), has(5)) {
            (true, _) => own_content,
            (false, true) => Some(u32::try_from(input.unsigned()?).unwrap_or(u32::MAX)),
            (false, false) => None,
        };
        match own_content {
            Some(own) if has(6) => _ = life.contents.enter(own),
            _ => life.contents = Hashes::read(input)?,
        }
        (life.is_numbered, life.was_under_way) = (has(7), has(8));
        if has(9) {
            life.sequence = Some(Sequence::read(input)?);
        }
        if has(10) {
            life.errors = Hashes::read(input)?;
        }
        if has(11) {
            life.request_number = Some(packed::read(input)?);
        }
        if has(12) {
            life.starvation_sum_ms = packed::read(input)?;
        }
        let running = [&mut life.starvations, &mut life.starved_ms, &mut life.dropped_frames];
        for (part, one) in (13..).zip(running) {
            if has(part) {
                *one = Running::read(input)?;
            }
        }
        if input.byte().is_ok() { Err(Damaged::Long) } else { Ok(life) }
    }
}

fn write_totals(out: &mut Writer, totals: &Totals) {
    let values = || totals.sums.iter().chain(&totals.extremes).chain(&totals.life);
    let present = values().rev().fold(0_u64, |bits, value| bits << 1 | u64::from(*value != 0));
    out.unsigned(present);
    values().filter(|value| **value != 0).for_each(|value| packed::write(out, *value));
}

fn read_totals(input: &mut Reader<'_>) -> Result<Totals, Short> {
    let mut totals = Totals::default();
    let present = input.unsigned()?;
    let Totals { sums, extremes, life } = &mut totals;
    for (index, value) in (0..).zip(sums.iter_mut().chain(extremes).chain(life)) {
        if packed::has(present, index) {
            *value = packed::read(input)?;
        }
    }
    Ok(totals)
}
