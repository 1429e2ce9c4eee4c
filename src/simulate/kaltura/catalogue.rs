//! What can be watched: films of half a minute to an hour, and live streams, the first of each the most popular; and what an operator's
//! catalogue tells of them.

use serde_json::json;

use super::audience::PARTNERS;
use crate::simulate::SimulatedRecord;
use crate::simulate::random::{Random, finish};
use crate::simulate::write::hexadecimal;

/// Films; the live streams come before them.
const FILMS: u8 = 24;
const STREAMS: u8 = 3;
/// Lengths of films that follow each other, s.
const LENGTHS_S: [i64; 6] = [300, 90, 900, 30, 1_800, 3_600];
/// Of a thousand viewers, so many watch live.
const LIVE_PERMILLE: u32 = 250;
/// The topic of the catalogue.
const TOPIC: &str = "qoe.catalogue";
/// Of streams, then of films.
const NAMES: [&str; STREAMS as usize + FILMS as usize] = [
    "Town hall",
    "Harbour cam",
    "Chess night",
    "First steps",
    "Trailer",
    "Keynote",
    "Teaser",
    "Field trip",
    "The lighthouse",
    "Lecture 1",
    "Goal",
    "Lecture 2",
    "Jingle",
    "Roundtable",
    "The orchard",
    "Interview",
    "Advert",
    "Workshop",
    "Bloopers",
    "Concert",
    "The glacier",
    "Recipe",
    "Haiku",
    "Lecture 3",
    "Sketch",
    "Book club",
    "The ferry",
];
/// Who owns the entries of each account.
const OWNERS: [&str; 3] = ["anna.moreau@example.com", "ben.ode@example.edu", "carla"];
/// How long a live stream can be rewound, ms.
pub(super) const LIVE_WINDOW_MS: i64 = 600_000;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    number: u8,
}

impl Entry {
    /// The stream that crowds come to.
    pub(super) const CROWDED: Self = Self { number: 0 };

    /// What a viewer chooses.
    pub(super) fn choose(random: &mut Random) -> Self {
        let weights = |count: u8| (1..=u32::from(count)).map(|place| 1_000 / place);
        let number = if random.permille(LIVE_PERMILLE) {
            random.weighted(weights(STREAMS))
        } else {
            usize::from(STREAMS) + random.weighted(weights(FILMS))
        };
        Self { number: number as u8 }
    }

    pub(super) const fn is_live(self) -> bool {
        self.number < STREAMS
    }

    /// The length of a film, ms.
    pub(super) fn length_ms(self) -> i64 {
        let place = usize::from(self.number.saturating_sub(STREAMS)) % LENGTHS_S.len();
        LENGTHS_S.get(place).map_or(60_000, |seconds| seconds * 1_000)
    }

    /// Adds its id.
    pub(super) fn write_id(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_live() { b"0_" } else { b"1_" });
        hexadecimal(out, finish(u64::from(self.number) + 1) >> 32, 8);
    }

    /// What people call it.
    fn name(self) -> &'static str {
        NAMES.get(usize::from(self.number)).copied().unwrap_or("Untitled")
    }
}

/// The catalogue of all entries, as its records that are appended at one moment. Every account has the same entries.
pub fn catalogue(append_ms: i64) -> Vec<SimulatedRecord> {
    let mut records = Vec::new();
    for (partner, owner) in PARTNERS.into_iter().zip(OWNERS) {
        for number in 0..STREAMS + FILMS {
            let entry = Entry { number };
            let mut id = Vec::new();
            entry.write_id(&mut id);
            let id = String::from_utf8_lossy(&id).into_owned();
            let length_ms = if entry.is_live() { 0 } else { entry.length_ms() };
            let value = json!({
                "id": id, "partnerId": partner, "name": entry.name(), "userId": owner,
                "duration": length_ms / 1_000, "msDuration": length_ms,
            });
            records.push(SimulatedRecord {
                topic: TOPIC,
                key: Some(format!("{partner}|{id}").into_bytes()),
                headers: Vec::new(),
                value: value.to_string().into_bytes(),
                append_ms,
                event_ms: append_ms,
            });
        }
    }
    records
}
