//! Scenes: all that the beacons of a session have in common, and many sessions with one another. A window has each of them once.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::facet::{Device, Facet, Place};
use crate::aggregate::source::UNKNOWN;
use crate::model::kaltura::{Beacon, Playback};

/// The texts of a scene after how it is played, in their order.
const TEXTS: usize = 13;
/// What stands between them: no text has one.
const BETWEEN: char = '\0';

/// A scene, borrowed from its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scene<'a> {
    pub(super) playback: Playback,
    texts: [&'a str; TEXTS],
}

impl<'a> Scene<'a> {
    /// From its text.
    pub(super) fn of(text: &'a str) -> Self {
        let mut texts = [""; TEXTS];
        let mut ends = memchr::memchr_iter(BETWEEN as u8, text.as_bytes());
        let mut start = ends.next().unwrap_or(text.len());
        let playback = text.get(..start).unwrap_or_default();
        let playback = PLAYBACKS.into_iter().find(|known| known.as_str() == playback).unwrap_or_default();
        for part in &mut texts {
            let end = ends.next().unwrap_or(text.len());
            *part = text.get(start + 1..end).unwrap_or_default();
            start = end;
        }
        Self { playback, texts }
    }

    /// What roll-ups tell apart.
    pub(super) fn facet(&self, tenant: &'a str, entry: &'a str) -> Facet<'a> {
        let [domain, first, second, third, device, os, browser, country, region, city, ..] = self.texts;
        let known = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Facet {
            tenant,
            entry,
            playback: self.playback,
            domain,
            custom: [known(first), known(second), known(third)],
            device: Device { device, os, browser },
            place: Place { country, region, city },
        }
    }

    /// The code of an error, if that is what the scene's beacons tell of.
    pub(super) fn error_code(&self) -> Option<&'a str> {
        let [.., code] = self.texts;
        Some(code).filter(|code| !code.is_empty())
    }

    /// In the order of the fields of session rows.
    pub(super) const fn texts(&self) -> [&'a str; TEXTS] {
        self.texts
    }
}

const PLAYBACKS: [Playback; 5] = [Playback::Vod, Playback::Live, Playback::Dvr, Playback::Offline, Playback::Unknown];

/// Writes the text of a beacon's scene.
pub(super) fn write_scene(out: &mut String, beacon: &Beacon<'_>, device: &Device<'_>, place: &Place<'_>) {
    let [first, second, third] = beacon.custom.each_ref().map(|custom| custom.as_deref().unwrap_or_default());
    let texts: [&str; TEXTS] = [
        named(beacon.domain().unwrap_or_default()),
        first,
        second,
        third,
        named(device.device),
        named(device.os),
        named(device.browser),
        named(place.country),
        named(place.region),
        named(place.city),
        beacon.player_version.as_deref().unwrap_or_default(),
        beacon.application.as_deref().unwrap_or_default(),
        beacon.error_code.as_deref().unwrap_or_default(),
    ];
    let write = |out: &mut String, add: fn(&mut String, &str)| {
        out.clear();
        out.push_str(beacon.playback.as_str());
        for text in texts {
            out.push(BETWEEN);
            add(out, text);
        }
    };
    write(out, |out, text| out.push_str(text));
    // Decoders leave control characters out; were there one, it would not be between two texts.
    if memchr::memchr_iter(BETWEEN as u8, out.as_bytes()).count() > TEXTS {
        write(out, |out, text| text.split(BETWEEN).for_each(|part| out.push_str(part)));
    }
}

/// Text for a tag: never empty.
const fn named(text: &str) -> &str {
    if text.is_empty() { UNKNOWN } else { text }
}

/// Scenes by index.
pub(super) trait Scenes {
    /// The text of a scene.
    fn text(&self, index: u32) -> &str;
}

/// The scenes of one window.
#[derive(Debug, Default)]
pub(super) struct Interned {
    texts: Vec<Box<str>>,
    table: HashTable<u32>,
}

impl Interned {
    /// The index of a scene, entered when it is new.
    pub(super) fn index_of(&mut self, text: &str, hasher: &impl BuildHasher) -> u32 {
        let hash = hasher.hash_one(text);
        let Self { texts, table } = self;
        let is = |index: &u32| texts.get(*index as usize).is_some_and(|known| **known == *text);
        if let Some(index) = table.find(hash, is) {
            return *index;
        }
        let index = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        texts.push(text.into());
        let rehash = |index: &u32| texts.get(*index as usize).map_or(0, |text| hasher.hash_one(&**text));
        table.insert_unique(hash, index, rehash);
        index
    }

    /// All of them, by index.
    pub(super) fn into_texts(self) -> Vec<Box<str>> {
        self.texts
    }
}

impl Scenes for Interned {
    fn text(&self, index: u32) -> &str {
        self.texts.text(index)
    }
}

impl Scenes for Vec<Box<str>> {
    fn text(&self, index: u32) -> &str {
        self.get(index as usize).map_or("", |text| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_read_back_from_its_text() {
        let beacon = Beacon {
            playback: Playback::Dvr,
            page: Some("example.org/watch".into()),
            custom: [None, Some("spring".into()), None],
            error_code: Some("7\x00002".into()),
            ..Beacon::default()
        };
        let (device, place) =
            (Device { device: "phone", os: "", browser: "" }, Place { country: "FI", region: "", city: "Espoo" });
        let mut text = String::new();
        write_scene(&mut text, &beacon, &device, &place);
        let scene = Scene::of(&text);
        let facet = scene.facet("t", "1_a");
        assert_eq!((facet.playback, facet.domain), (Playback::Dvr, "example.org"));
        assert_eq!(facet.custom, [None, Some("spring"), None]);
        assert_eq!(facet.device, Device { device: "phone", os: UNKNOWN, browser: UNKNOWN });
        assert_eq!(facet.place, Place { country: "FI", region: UNKNOWN, city: "Espoo" });
        assert_eq!(scene.texts()[12], "7002");
    }
}
