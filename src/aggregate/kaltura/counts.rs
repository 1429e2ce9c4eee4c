//! What is counted of Kaltura beacons: every sum declared once, with its field name and its definition.
//!
//! R1  All of them add up, over windows, sessions, and roll-up keys. What depends on a session's past is settled before it is counted here.
//! R2  A sum of values that may be missing has the number of its values beside it; so has every share the number that it is a share of.
//! R3  No ratio is counted: formulas divide what was merged.

use smallvec::SmallVec;

use crate::aggregate::packed::LARGEST;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::{Field, FieldKind};

macro_rules! counts {
    ($($count:ident $name:literal $help:literal;)*) => {
        /// Sums over beacons. The order is that of rows, partials and carries.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[repr(C)] // In the order in which they are copied.
        pub struct Counts {
            $(#[doc = $help] pub $count: i64,)*
        }

        impl Counts {
            /// The fields of the sums, in their order.
            pub const FIELDS: [Field; COUNTS] = [$(Field { name: $name, kind: FieldKind::Integer, help: $help },)*];

            /// Adds others. Saturates at the end of the 64-bit range.
            pub const fn merge(&mut self, other: &Self) {
                $(self.$count = self.$count.saturating_add(other.$count);)*
            }

            /// All sums, in order.
            pub const fn values(&self) -> [i64; COUNTS] {
                [$(self.$count,)*]
            }

            /// Of all sums, in order.
            pub(super) const fn from_values([$($count,)*]: [i64; COUNTS]) -> Self {
                Self { $($count,)* }
            }
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

/// How many there are.
pub const COUNTS: usize = NAMES.len();

counts! {
    records "records_count" "Beacons that count: each once.";
    records_late "records_late_count" "Beacons whose window was final already; counted in the window of their append time.";
    records_clamped "records_clamped_count" "Beacons whose time was moved to the bound that the append time gives.";
    members_rejected "members_rejected_count" "Members of beacons that were left out because their value is wrong.";
    duplicates "duplicates_count" "Beacons that came again: the same index in the same run of the player's counter. Nothing else of them counts.";
    beacons_received "beacons_received_count" "Of the beacons that count, those that the player numbers: with an index, and the events of the application around it (10002, 10003), which are sent without theirs.";
    beacons_expected "beacons_expected_count" "How many beacons the player sent, by its counter. Loss = 1 - received / expected, over whole sessions: a beacon that is overtaken by the end of a window is received in the next.";
    restarts "restarts_count" "Times that the player began to count anew under the same session.";
    sums_clamped "sums_clamped_count" "Times that a player's sum of media played or time stalled fell, or grew faster than can be: it counts as far as it can be true.";
    sessions_reused "sessions_reused_count" "1 for a session whose id came with more than 20 entries, or with several accounts, in one window.";

    impressions "impressions_count" "Players ready for an entry (event 1). Kaltura: count_loads.";
    play_requests "play_requests_count" "First wishes to play (event 2).";
    plays "plays_count" "First frames of an entry (event 3). Kaltura: count_plays.";
    resumes "resumes_count" "Playing again after a pause (event 4).";
    pauses "pauses_count" "Pauses (event 33).";
    replays "replays_count" "Replays from the beginning (event 34).";
    seeks "seeks_count" "Seeks (event 35).";
    reached_25 "reached_25_count" "Sessions of an entry that reached a quarter of it: once for each play or replay, and never more often than plays. Kaltura: count_plays_25.";
    reached_50 "reached_50_count" "The same, a half.";
    reached_75 "reached_75_count" "The same, three quarters.";
    reached_90 "reached_90_count" "The same, nine tenths.";
    reached_100 "reached_100_count" "The same, the end. Kaltura: count_plays_100; play_through_ratio = this / plays_count.";
    reached_again "reached_again_count" "Reached parts that count no more: again in the same play, or without a play.";
    flavor_switches "flavor_switches_count" "Changes of quality by the player (event 43).";
    sources_selected "sources_selected_count" "Changes of quality by hand (event 39).";
    speed_changes "speed_changes_count" "Changes of speed (event 41).";
    interactions "interactions_count" "What else viewers did at the player: captions, sharing, full screen, …";
    application_events "application_events_count" "Events of the application around the player (10002, 10003).";
    unknown_events "unknown_events_count" "Beacons with an event number that has no meaning here.";

    views "views_count" "Views (event 99): one for each 10 s of playing. Viewers of a 10-s window = this.";
    view_time_ms "view_time_ms" "10 s for each view, ms: time viewed as Kaltura counts it.";
    views_live "views_live_count" "Of the views, those live, at the edge or behind it.";
    views_dvr "views_dvr_count" "Of the views, those live and behind the edge.";
    views_buffering "views_buffering_count" "Of the views, those with a stall since the view before.";
    views_high "views_engaged_high_count" "Of the views, those with sound on, the page in focus and the screen filled.";
    views_good "views_engaged_good_count" "Of the views, those with sound on and the page in focus, without a filled screen. Engaged = high + good.";
    views_fair "views_engaged_fair_count" "Of the views, those with sound on and the page not in focus.";
    views_low "views_engaged_low_count" "Of the views, those with sound off and the page in focus.";
    views_none "views_engaged_none_count" "Of the views, those with sound off and the page not in focus.";
    views_unknown "views_engaged_unknown_count" "Of the views, those that do not say both.";

    play_ms "play_ms" "Media played, ms: how much the player's own sum grew, no further than time passed times speed plus 2 s. Lost beacons cost nothing.";
    play_live_ms "play_live_ms" "Of play_ms, live, at the edge or behind it.";
    play_vod_ms "play_vod_ms" "Of play_ms, on demand.";
    play_engaged_ms "play_engaged_ms" "Of play_ms, by views that are engaged (high or good).";
    play_live_engaged_ms "play_live_engaged_ms" "Of play_live_ms, by views that are engaged.";
    stall_ms "stall_ms" "Time stalled, ms: how much the player's own sum grew.";
    stalls "stall_count" "Stalls: events 45.";
    stall_pairs_ms "stall_pairs_ms" "A cross-check of stall_ms: time from each event 45 to the next 46, as received, ms.";
    view_stall_ms "view_stall_ms" "Time stalled by the views that came, ms. Kaltura: view_buffer_time_ratio = this / view_time_ms.";

    startup_ms "startup_ms_sum" "From the wish to play to the first frame, ms, summed over plays that say it.";
    startups "startup_count" "How many plays said it.";
    player_load_ms "player_load_ms_sum" "Loading of the player's code, ms, summed.";
    player_loads "player_load_count" "How many impressions said it.";
    exits_before_start "exits_before_start_count" "Sessions of an entry that ended with a wish to play, without a first frame and without an error. Counted when they are over.";

    errors "player_errors_count" "Errors (event 98, and the older 48).";
    errors_before_request "errors_before_request_count" "Of the errors, those before the wish to play.";
    errors_before_start "errors_before_start_count" "Of the errors, those between the wish to play and the first frame.";
    errors_mid_stream "errors_mid_stream_count" "Of the errors, those after the first frame.";
    errors_no_position "errors_no_position_count" "Of the errors, those whose position in the media is unknown or 0. Kaltura: error_unknown_position_count.";
    sessions_with_error "sessions_with_error_count" "Sessions of an entry with an error: counted at the first one.";

    bitrate_bps "bitrate_bps_sum" "Bit rates of the views that say it, bit/s, summed.";
    bitrates "bitrate_count" "How many views said it.";
    bandwidth_bps "bandwidth_bps_sum" "Estimates of what the network yields, bit/s, summed over views.";
    bandwidths "bandwidth_count" "How many views had one.";
    segment_download_ms "segment_download_ms_sum" "Slowest segment since the view before, ms, summed over views.";
    segment_downloads "segment_download_count" "How many views said it.";
    manifest_download_ms "manifest_download_ms_sum" "Slowest manifest since the view before, ms, summed over views.";
    manifest_downloads "manifest_download_count" "How many views said it.";
    latency_ms "latency_ms_sum" "Behind the live edge, ms, summed over views.";
    latencies "latency_count" "How many views said it.";
    dropped_frames_ppm "dropped_frames_ppm_sum" "Shares of frames dropped, 1e-6, summed over views.";
    dropped_frames "dropped_frames_known_count" "How many views said it.";
    forward_buffer_ppm "forward_buffer_ppm_sum" "The forward buffer over its target, 1e-6, summed over views.";
    forward_buffers "forward_buffer_count" "How many views said it.";

    positions_rejected "positions_rejected_count" "Beacons whose position lies beyond the entry's duration by the catalogue, by more than a twentieth of it: the position is left out, the rest counts.";
}

/// Sums by their place: what a session does in a window is few of them.
pub(super) type Sparse = SmallVec<[(u8, i64); 32]>;

const _: () = assert!(COUNTS <= u8::MAX as usize, "a place fits into a byte");

impl Counts {
    /// Those that are not 0, by their place.
    pub(super) fn sparse(&self) -> Sparse {
        let mut sparse = Sparse::new();
        for (chunk, base) in self.values().chunks(64).zip((0..).step_by(64)) {
            let mut left = present(chunk);
            while let Some(value) = chunk.get(left.trailing_zeros() as usize) {
                sparse.push((base + left.trailing_zeros() as u8, *value));
                left &= left - 1;
            }
        }
        sparse
    }

    /// The sums by the names of their fields.
    pub fn from_named(value: impl Fn(&str) -> i64) -> Self {
        Self::from_values(Self::FIELDS.map(|field| value(field.name)))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.values().iter().all(|value| *value == 0)
    }

    /// Writes those that are not 0: for each 64, a bit for each, then the values.
    pub fn write(&self, out: &mut Writer) {
        for chunk in self.values().chunks(64) {
            let mut left = present(chunk);
            out.unsigned(left);
            while let Some(value) = chunk.get(left.trailing_zeros() as usize) {
                out.integer(*value);
                left &= left - 1;
            }
        }
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// The input ends too early.
    pub fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut values = [0; COUNTS];
        for chunk in values.chunks_mut(64) {
            let mut left = input.unsigned()?;
            while let Some(value) = chunk.get_mut(left.trailing_zeros() as usize) {
                *value = input.integer()?.clamp(-LARGEST, LARGEST);
                left &= left - 1;
            }
        }
        Ok(Self::from_values(values))
    }
}

/// A bit for each of up to 64 sums that is not 0.
fn present(sums: &[i64]) -> u64 {
    sums.iter().zip(0..).fold(0, |bits, (value, at)| bits | u64::from(*value != 0) << at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sparse_sums_have_their_places() {
        let counts = Counts { records: 3, play_ms: -5, positions_rejected: 7, ..Counts::default() };
        let values = counts.values();
        let places = Vec::from_iter(counts.sparse());
        assert_eq!(places.len(), 3);
        assert!(places.iter().all(|(at, value)| values[usize::from(*at)] == *value), "{places:?}");
        assert_eq!(places[2], ((COUNTS - 1) as u8, 7));
    }

    #[test]
    fn sums_come_back_and_add() {
        let mut counts = Counts { records: 3, play_ms: -5, forward_buffers: i64::from(u32::MAX), ..Counts::default() };
        let mut out = Writer::default();
        counts.write(&mut out);
        let length = out.as_bytes().len();
        assert_eq!(Counts::read(&mut Reader::new(out.as_bytes())), Ok(counts.clone()));
        assert!((0..length).all(|length| Counts::read(&mut Reader::new(&out.as_bytes()[..length])).is_err()));
        counts.merge(&Counts { records: i64::MAX, play_ms: 7, ..Counts::default() });
        assert_eq!((counts.records, counts.play_ms, counts.views), (i64::MAX, 2, 0));
        assert!(!counts.is_empty() && Counts::default().is_empty());
    }

    #[test]
    fn no_field_is_named_twice() {
        let mut names = Counts::FIELDS.map(|field| field.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
