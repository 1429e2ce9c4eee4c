//! Values as beacons have them: integers of their unit inside their bounds, texts that may be kept. What cannot be is left out and counted.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::decode::common::{Parts, Places, shortened};
use crate::model::kaltura::Warning;

use super::family::{Family, OutOfRange};
use super::limits::TEXT_BYTES;
use super::members::Members;
use super::names::Name;
use super::page;
use super::tally::Tally;

/// A year in milliseconds: no position, sum or duration is beyond.
const MOST_MS: i64 = 366 * 24 * 3_600 * 1_000;
/// Durations and sums, ms.
pub(super) const DURATION: RangeInclusive<i64> = 0..=MOST_MS;
/// Where they may be negative, too.
pub(super) const OFFSET: RangeInclusive<i64> = -MOST_MS..=MOST_MS;

/// Reads the values of one beacon.
#[derive(Debug)]
pub(super) struct Reading<'m, 'a> {
    members: &'m Members<'a>,
    tally: &'m mut Tally,
    pub(super) family: Family,
    /// Whether a value was left out because its unit is not known.
    has_unknown_unit: bool,
    pub(super) rejected: u32,
}

impl<'m, 'a> Reading<'m, 'a> {
    pub(super) fn new(members: &'m Members<'a>, tally: &'m mut Tally) -> Self {
        let tag = members.get(Name::ClientTag).and_then(|value| value.text());
        let family = tag.map_or(Family::Unknown, |tag| Family::of_tag(&tag));
        Self { members, tally, family, has_unknown_unit: false, rejected: 0 }
    }

    /// Counts a warning of the whole beacon.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.tally.warn(warning);
    }

    /// Counts the number of an event that means nothing here.
    pub(super) fn unknown_event(&mut self, number: i64) {
        self.tally.unknown_event(number);
    }

    /// A text as it was sent.
    pub(super) fn sent(&mut self, name: Name) -> Option<Cow<'a, str>> {
        let text = self.members.get(name)?.text();
        if text.is_none() {
            self.reject(Warning::Text);
        }
        text.filter(|text| is_said(text))
    }

    /// The page that the player stands in. A path may be in any encoding: what is not UTF-8 is replaced.
    pub(super) fn page(&mut self) -> Option<Cow<'a, str>> {
        let referrer = self.members.get(Name::Referrer)?.text_replaced().filter(|text| is_said(text))?;
        let page = page::of_referrer(referrer);
        if page.is_none() {
            self.reject(Warning::PageInvalid);
        }
        page
    }

    /// A text that may be kept.
    pub(super) fn text(&mut self, name: Name) -> Option<Cow<'a, str>> {
        self.text_within(name, TEXT_BYTES)
    }

    /// A text of at most so many bytes; of a longer one the beginning, and its hash.
    pub(super) fn text_within(&mut self, name: Name, most: usize) -> Option<Cow<'a, str>> {
        let text = self.sent(name)?;
        let is_plain = text.len() <= most && text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
        if is_plain { Some(text) } else { self.odd_text(text, most) }
    }

    #[cold]
    fn odd_text(&mut self, text: Cow<'a, str>, most: usize) -> Option<Cow<'a, str>> {
        if text.contains(char::is_control) {
            self.reject(Warning::Text);
            return None;
        }
        if text.len() <= most {
            return Some(text);
        }
        self.warn(Warning::Text);
        Some(Cow::Owned(shortened(&text, most)))
    }

    /// A number within these bounds, in an integer with so many places.
    pub(super) fn number(&mut self, name: Name, places: Places, bounds: RangeInclusive<i64>) -> Option<i64> {
        let parts = self.parts(name)?;
        let value = parts.scaled(places).filter(|value| bounds.contains(value));
        self.checked(name, value)
    }

    /// The same where −1 says that nothing is known.
    pub(super) fn known_number(&mut self, name: Name, places: Places, bounds: RangeInclusive<i64>) -> Option<i64> {
        let parts = self.parts(name)?;
        if parts.is_minus_one() {
            return None;
        }
        let value = parts.scaled(places).filter(|value| bounds.contains(value));
        self.checked(name, value)
    }

    /// One of two states, which are 1 (off) and 2 (on).
    pub(super) fn state(&mut self, name: Name) -> Option<bool> {
        self.number(name, Places::None, 1..=2).map(|state| state == 2)
    }

    /// A bit rate, bit/s; −1 and 0 say that nothing is known.
    pub(super) fn bitrate(&mut self, name: Name) -> Option<i64> {
        let parts = self.parts(name)?;
        if parts.is_minus_one() || parts == Parts::default() {
            return None;
        }
        match self.family.bitrate(parts) {
            Ok(Some(rate)) => Some(rate),
            Ok(None) => self.without_unit(),
            Err(OutOfRange) => self.checked(name, None),
        }
    }

    /// How long a download took, ms.
    pub(super) fn download(&mut self, name: Name) -> Option<i64> {
        self.members.get(name)?;
        match self.family.download_places() {
            Some(places) => self.known_number(name, places, DURATION),
            None => self.without_unit(),
        }
    }

    /// The digits of a number. A comma is a decimal mark when it is the only mark.
    fn parts(&mut self, name: Name) -> Option<Parts> {
        let text = self.members.get(name)?.text();
        let Some(text) = text else { return self.checked(name, None) };
        if let Some(parts) = Parts::parse(&text) {
            return Some(parts);
        }
        let parts = text.split_once(',').filter(|_| !text.contains('.')).and_then(|(whole, fraction)| {
            // A second comma is in the fraction, where it is no digit.
            Parts::parse(&format!("{whole}.{fraction}"))
        });
        if parts.is_some() {
            self.warn(Warning::DecimalComma);
        }
        self.checked(name, parts)
    }

    fn checked<T>(&mut self, name: Name, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.rejected += 1;
            self.tally.invalid(name);
        }
        value
    }

    fn without_unit(&mut self) -> Option<i64> {
        if !self.has_unknown_unit {
            self.has_unknown_unit = true;
            self.warn(Warning::UnitUnknown);
        }
        None
    }

    /// Counts a member that is left out because of its value.
    #[cold]
    pub(super) fn reject(&mut self, warning: Warning) {
        self.rejected += 1;
        self.warn(warning);
    }
}

/// What a script writes where it has nothing says nothing.
fn is_said(text: &str) -> bool {
    !matches!(text, "" | "undefined" | "null")
}
