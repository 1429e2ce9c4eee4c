//! The row types of Kaltura sessions: what is counted, and what only some rows have.

use super::counts::{COUNTS, Counts};
use crate::model::{Field, FieldKind, Schema, Tag};

const fn integer(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, help }
}

const fn text(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, help }
}

const TAGS: [Tag; 3] = [
    Tag { name: "shard", help: "The source partition, as text." },
    Tag { name: "source", help: "The name of the source in the topology." },
    Tag { name: "tenant", help: "The record header `qoe-tenant`, else the account (partner id)." },
];

/// How many fields session rows have before those of their own.
pub(super) const NAMED: usize = 16;

/// What both row types begin with. Texts of the scene are empty or `unknown` where nothing is known.
const NAMES: [Field; NAMED] = [
    text(
        "session_id",
        "`partner|session`, each with `%`, `|` and control characters percent-escaped: the key of the session's records on the bus.",
    ),
    text("content_id", "The entry, escaped likewise."),
    text(
        "playback_type",
        "`vod`, `live`, `dvr`, `offline`, `unknown`: this and what follows as most of the beacons say (ties by text).",
    ),
    text("domain", "The host of the page."),
    text("custom_1", "The first custom variable."),
    text("custom_2", "The second."),
    text("custom_3", "The third."),
    text("device", "The kind of device; `bot` for what is no viewer."),
    text("os", "The operating system."),
    text("browser", "The browser."),
    text("country", "Where the viewer is: ISO 3166 code of the country."),
    text("region", "The region in it."),
    text("city", "The city in that."),
    text("player_version", "The player's version."),
    text("application", "The application that embeds the player."),
    text("error_code", "The code of an error, if those beacons have one."),
];

/// How many fields only `session` rows have, before the sums.
pub(super) const FINISHED_ONLY: usize = 3;

const FINISHED: [Field; FINISHED_ONLY] = [
    integer("started_ms", "When the session's first beacon was received, ms since the Unix epoch."),
    integer("ended_ms", "When its last one was."),
    text("end_reason", "`idle`: nothing came for 10 min; `cut`: it was a day old, and goes on as another."),
];

/// One list of fields after the other.
const fn joined<const N: usize>(lists: &[&[Field]]) -> [Field; N] {
    let mut fields = [NAMES[0]; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            fields[at] = lists[list][index];
            index += 1;
            at += 1;
        }
        list += 1;
    }
    fields
}

/// The fields of `session_window` rows.
pub(super) const WINDOW_FIELDS: usize = NAMED + COUNTS;
/// The fields of `session` rows.
pub(super) const FINISHED_FIELDS: usize = NAMED + FINISHED_ONLY + COUNTS;

/// One row for each session of an entry and window.
pub static SESSION_WINDOW: Schema = Schema {
    measurement: "session_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each player session of an entry and window. A beacon counts when it was received; what it sums counts there too. The timestamp is the window's start plus hash(`partner|session|entry`) (XXH3-64, seed 0) mod the window's length in nanoseconds, as for other sources.",
    tags: &TAGS,
    fields: &joined::<WINDOW_FIELDS>(&[&NAMES, &Counts::FIELDS]),
};

/// One row for each session of an entry that is over.
pub static SESSION: Schema = Schema {
    measurement: "session",
    dialect: "kaltura",
    help: "Kaltura: one row for each player session of an entry of which nothing came for 10 min, or that was a day old, with the totals of all its windows. It belongs to the first boundary with that time before the window that ends there; the timestamp is that boundary plus hash(`partner|session|entry`) as in `session_window`.",
    tags: &TAGS,
    fields: &joined::<FINISHED_FIELDS>(&[&NAMES, &FINISHED, &Counts::FIELDS]),
};
